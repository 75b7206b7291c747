"""Stack Overflow: questions of operations with their accepted answers, as requests and workflows."""

from typing import Literal

from flows.assure import FORMAT_B, Dataset, Made, assure
from schemas.ds3_stackoverflow import APPROVAL_CHANNEL, SITE, SLICES, TAGS
from schemas.parameters import (
    DataDir,
    GeminiModel,
    GeminiRequests,
    GeminiTokens,
    Limits,
    MinScore,
    Mode,
    Scale,
    Source,
)
from schemas.published import Published
from schemas.settings import data_folder
from tasks.engine import snapshots
from tasks.engine.derive import derive, derive_batches
from tasks.engine.server_values import thresholds
from tasks.engine.snapshots import row_groups
from tasks.observe.pipeline import pipeline
from tasks.pipelines.ds3_stackoverflow import conversations as ds3
from tasks.pipelines.ds3_stackoverflow import pairs as ds3_pairs
from tasks.pipelines.ds3_stackoverflow import posts as ds3_posts
from tasks.pipelines.ds3_stackoverflow import questions as ds3_questions
from tasks.pipelines.ds3_stackoverflow import reports
from tasks.pipelines.ds3_stackoverflow.rules import REASONS
from tasks.pipelines.ds3_stackoverflow.source import SOURCE, decode
from tasks.sources.acquire import acquire
from tasks.sources.gemini import MODEL
from tasks.sources.teachers import allowance, ask

DATASET = Dataset(stem=SOURCE.stem, form=FORMAT_B, slices=tuple(SLICES), reasons=REASONS)
NO_KEY = (
    "GOOGLE_API_KEY is not set, so Gemini is not asked and the rules answer. All of this dataset runs without a key."
)


@pipeline("ds3-stackoverflow")
def ds3_stackoverflow(
    *,
    mode: Mode = "sample",
    source: Source = None,
    data_dir: DataDir = None,
    tags: tuple[str, ...] = TAGS,
    min_score: MinScore = None,
    require_answer: bool = False,
    site: str = SITE,
    teacher: Literal["rules", "gemini"] = "rules",
    model: GeminiModel = MODEL,
    requests: GeminiRequests = 500,
    tokens: GeminiTokens = 5_000_000,
    channel: str = APPROVAL_CHANNEL,
    limits: Limits = None,
    scale: Scale = 1.0,
) -> Published:
    """Turns questions with an accepted answer into requests and workflows, one conversation each. Feeds Track B.

    Mode local reads data dumps, tables and JSON Lines; mode live asks the Stack Exchange API.

    Args:
        tags: Use a question that has one of these tags.
        require_answer: Leave out questions whose accepted answer is not among the posts. Otherwise they are used
            without it.
        site: Address of the site the posts are from, for the links of the attribution.
        teacher: Who writes the workflows. rules: the rules of tasks/pipelines/ds3_stackoverflow/teacher.py. gemini:
            Gemini, if GOOGLE_API_KEY is set.
        channel: Slack channel in which a destructive step asks for approval.
    """
    root = data_folder(data_dir)
    agreed = thresholds(limits=limits, ds3_stackoverflow={"min_score": min_score})
    score = agreed.ds3_stackoverflow.min_score
    raw = acquire(SOURCE, mode, source, root, scale=scale)
    posts, unwanted = derive_batches(ds3_posts.posts, *raw.files, decode=decode, tags=tags, min_score=score)
    questions, empty = derive_batches(ds3_questions.questions, posts, decode=row_groups, site=site)
    wanted = snapshots.read(derive(ds3_questions.wanted, questions))
    answers, others = derive_batches(ds3_questions.answers, posts, decode=row_groups, site=site, **wanted)
    pairs, unpaired = derive(ds3_pairs.pairs, questions, answers, require_answer=require_answer)
    allowed = allowance(teacher, model, requests, tokens, no_key=NO_KEY, stem=SOURCE.stem)
    drafts = (ask(SOURCE.stem, pairs, ds3.prompts, allowed),) if allowed else ()
    conversations, unanswered = derive(ds3.conversations, pairs, *drafts, channel=channel)
    made = Made(
        rows=conversations,
        rejected=(unwanted, empty, others, unpaired, unanswered),
        reports={
            "schema_stats.json": derive(reports.schema_stats, conversations, pairs),
            "quality_report.json": derive(reports.quality_report, pairs),
        },
        tables={"ds3_stackoverflow_pairs.parquet": pairs},
    )
    parameters = {
        "tags": tags,
        "min_score": score,
        "require_answer": require_answer,
        "teacher": model if allowed else "rules",
    }
    return assure(DATASET, raw, made, limits=agreed.limits, parameters=parameters)


if __name__ == "__main__":
    from flows.command_line import main, published_summary

    main(ds3_stackoverflow, published_summary)
