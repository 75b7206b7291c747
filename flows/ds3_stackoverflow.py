"""Stack Overflow: questions of operations with their accepted answers, as requests and workflows."""

from pathlib import Path
from typing import Literal

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from flows.assure import FORMAT_B, assure
from schemas.ds3_stackoverflow import APPROVAL_CHANNEL, SITE, SLICES, TAGS
from schemas.limits import Limits
from schemas.published import Published
from schemas.settings import secret, settings
from schemas.snapshot import Mode, Snapshot
from tasks.engine import snapshots, store
from tasks.engine.derive import derive, derive_batches
from tasks.engine.server_values import thresholds
from tasks.engine.snapshots import row_groups
from tasks.observe.hooks import ANNOUNCED
from tasks.pipelines.ds3_stackoverflow import conversations as ds3
from tasks.pipelines.ds3_stackoverflow import pairs as ds3_pairs
from tasks.pipelines.ds3_stackoverflow import posts as ds3_posts
from tasks.pipelines.ds3_stackoverflow import questions as ds3_questions
from tasks.pipelines.ds3_stackoverflow import reports
from tasks.pipelines.ds3_stackoverflow.source import SOURCE, decode
from tasks.sources.acquire import acquire
from tasks.sources.drafts import Prompt, draft
from tasks.sources.gemini import MODEL, Budget, Gemini

NO_KEY = (
    "GOOGLE_API_KEY is not set, so Gemini is not asked and the rules answer. All of this dataset runs without a key."
)


@flow(name="ds3-stackoverflow", **ANNOUNCED)
def ds3_stackoverflow(
    *,
    mode: Mode = "sample",
    source: Path | None = None,
    data_dir: Path | None = None,
    tags: tuple[str, ...] = TAGS,
    min_score: int | None = None,
    require_answer: bool = False,
    site: str = SITE,
    teacher: Literal["rules", "gemini"] = "rules",
    model: str = MODEL,
    requests: int = 500,
    tokens: int = 5_000_000,
    channel: str = APPROVAL_CHANNEL,
    limits: Limits | None = None,
    scale: float = 1.0,
) -> Published:
    """Stack Overflow: one conversation for each question of the wanted tags that has an accepted answer.

    Args:
        mode: sample: a generated dump; local: dumps, tables and JSON Lines below `source`; live: the Stack Exchange
            API.
        source: Folder with Posts.xml, the two tables in CSV, or JSON Lines, for mode local.
        data_dir: Folder that takes the place of the setting's, in which raw, interim and processed lie.
        tags: A question must have one of these.
        min_score: Least score of a question; left out: the variable automend_thresholds, or the defaults.
        require_answer: Leave out questions whose accepted answer is not among the posts; else they are used without it.
        site: Address of the site the posts are from, for the links of the attribution.
        teacher: rules: those of tasks/pipelines/ds3_stackoverflow/teacher.py; gemini: Gemini writes the workflows, if
            GOOGLE_API_KEY is set.
        model: Gemini's model.
        requests: What a run may ask Gemini at most, every attempt counted.
        tokens: What a run may use at Gemini's at most, read and written.
        channel: Slack channel in which a destructive step asks for approval.
        limits: Thresholds of the checks; left out: the variable automend_thresholds, or the defaults.
        scale: Size of the generated sample, 1 being the usual one.
    """
    root = (data_dir or settings().data_dir).resolve()
    agreed = thresholds(limits=limits, min_score=min_score)
    raw = acquire(SOURCE, mode, source, root, scale=scale)
    posts, unwanted = derive_batches(ds3_posts.posts, *raw.files, decode=decode, tags=tags, min_score=agreed.min_score)
    questions, empty = derive_batches(ds3_questions.questions, posts, decode=row_groups, site=site)
    wanted = snapshots.read(derive(ds3_questions.wanted, questions))
    answers, others = derive_batches(ds3_questions.answers, posts, decode=row_groups, site=site, **wanted)
    pairs, unpaired = derive(ds3_pairs.pairs, questions, answers, require_answer=require_answer)
    budget = _budget(teacher, requests, tokens)
    drafts = (ask(pairs, model, budget),) if budget else ()
    conversations, unanswered = derive(ds3.conversations, pairs, *drafts, channel=channel)
    return assure(
        conversations,
        form=FORMAT_B,
        source=SOURCE,
        acquired=raw,
        slices=tuple(SLICES),
        statistics={
            "schema_stats.json": derive(reports.schema_stats, conversations, pairs),
            "quality_report.json": derive(reports.quality_report, pairs),
        },
        rejected=(unwanted, empty, others, unpaired, unanswered),
        rules={},
        limits=agreed.limits,
        parameters={
            "tags": tags,
            "min_score": agreed.min_score,
            "require_answer": require_answer,
            "teacher": model if budget else "rules",
        },
        also={"ds3_stackoverflow_pairs.parquet": pairs},
    )


def _budget(teacher: str, requests: int, tokens: int) -> Budget | None:
    """What may be used at Gemini's; None where the rules answer."""
    if teacher != "gemini":
        return None
    if secret("google_api_key") is None:
        get_run_logger().warning("ds3_stackoverflow: %s", NO_KEY)
        return None
    return Budget(requests, tokens)


# Not cached: it depends on what was answered before; with nothing new the file it writes is the same.
@task(task_run_name="ask ds3_stackoverflow", cache_policy=NO_CACHE)
def ask(pairs: Snapshot, model: str, budget: Budget) -> Snapshot:
    """Gemini's workflow for each pair, those of earlier runs without a request, as a table."""
    key = secret("google_api_key")
    prompts = [Prompt(**prompt) for prompt in ds3.prompts(snapshots.read(pairs))]
    if key is None:
        raise RuntimeError(NO_KEY)
    gemini = Gemini(key, model=model, budget=budget, url=settings().gemini_url)
    folder = Path("interim") / SOURCE.stem
    answered = pairs.root / folder / "drafts.jsonl"  # what was paid for once, on any machine
    store.pull(answered, pairs.root)
    drafted = draft(prompts, gemini, answered, get_run_logger().warning)
    store.push(answered, pairs.root)
    return snapshots.write(drafted, "drafts", folder, pairs.root, pairs.mode)


if __name__ == "__main__":
    from flows.command_line import main, published_summary

    main(ds3_stackoverflow, published_summary)
