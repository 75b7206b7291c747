"""Synthetic scenarios: requests of a grammar and prompts from files, each with its workflow."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

from prefect.logging import get_run_logger

from flows.assure import FORMAT_B, Dataset, Made, assure
from schemas.ds4_synthetic import SLICES
from schemas.parameters import DataDir, GeminiModel, GeminiRequests, GeminiTokens, Limits, Mode, Scale, Source
from schemas.published import Published
from schemas.settings import data_folder
from tasks.engine.derive import derive, derive_batches
from tasks.engine.server_values import thresholds
from tasks.observe.pipeline import pipeline
from tasks.pipelines.ds4_synthetic.conversations import conversations
from tasks.pipelines.ds4_synthetic.export import EXPORT, decode
from tasks.pipelines.ds4_synthetic.prompt_store import STORE, fill
from tasks.pipelines.ds4_synthetic.reports import schema_stats
from tasks.pipelines.ds4_synthetic.rules import REASONS
from tasks.pipelines.ds4_synthetic.source import SOURCE, has_prompt_file
from tasks.sources.acquire import Acquired, acquire
from tasks.sources.gemini import MODEL
from tasks.sources.teachers import PromptStore, allowance, generate

DATASET = Dataset(
    stem=SOURCE.stem,
    form=FORMAT_B,
    slices=(*SLICES, "environment"),
    outcomes=tuple(SLICES),
    reasons=REASONS,
)
PROMPTS = PromptStore(SOURCE.stem, STORE, EXPORT, fill)
NOT_ASKED = "The grammar alone answers; prompts it does not know wait for teacher=gemini, which needs GOOGLE_API_KEY."
NO_KEY = (
    "GOOGLE_API_KEY is not set, so Gemini is not asked and the grammar alone answers. All of the grammar runs without "
    "a key; prompts it does not know wait for a run that has one."
)
ASKED = "Gemini answers what the grammar does not know."


@pipeline("ds4-synthetic")
def ds4_synthetic(
    *,
    mode: Mode = "sample",
    source: Source = None,
    data_dir: DataDir = None,
    teacher: Literal["grammar", "gemini"] = "grammar",
    model: GeminiModel = MODEL,
    requests: GeminiRequests = 500,
    tokens: GeminiTokens = 5_000_000,
    limits: Limits = None,
    scale: Scale = 1.0,
) -> Published:
    """Writes one request for each intent of a grammar, with the workflow that answers it. Feeds Track B.

    Each workflow runs in a simulated cluster. All modes use the grammar, and nothing is downloaded. Mode sample adds a
    generated file of prompts; mode local adds the prompt files below `source`, if there are any (JSON Lines, or SQLite
    with a table prompts).

    Args:
        teacher: Who answers prompts that the grammar does not know. grammar: nobody, they wait. gemini: Gemini, if
            GOOGLE_API_KEY is set.
        scale: Size of the grammar's part, as a multiple of about 1,100 requests.
    """
    root = data_folder(data_dir)
    raw = _prompt_files(mode, source, root, scale)
    allowed = allowance(teacher, model, requests, tokens, no_key=NO_KEY, stem=SOURCE.stem)
    note = ASKED if allowed else NO_KEY if teacher == "gemini" else NOT_ASKED
    if note is not NO_KEY:  # of which `allowance` has warned
        get_run_logger().info("ds4_synthetic: %s", note)
    generations = generate(PROMPTS, raw.files, root, mode, scale, allowed)
    rows, left_out = derive_batches(conversations, generations, decode=decode)
    made = Made(
        rows=rows,
        rejected=(left_out,),
        reports={"schema_stats.json": derive(schema_stats, rows)},
    )
    return assure(
        DATASET,
        replace(raw, files=(generations,)),
        made,
        limits=thresholds(limits=limits).limits,
        parameters={"teacher": model if allowed else "grammar", "teacher_note": note, "scale": scale},
    )


def _prompt_files(mode: Mode, source: Path | None, root: Path, scale: float) -> Acquired:
    """The prompt files of this run. A folder without any is no fault: the grammar needs none."""
    if mode == "local" and source is not None and source.is_dir() and not has_prompt_file(source):
        get_run_logger().info("ds4_synthetic: no prompt file below %s; the grammar needs none.", source)
        return Acquired(source=SOURCE, files=(), missing=SOURCE.expected, unused={}, truth=None)
    return acquire(SOURCE, mode, source, root, scale=scale)


if __name__ == "__main__":
    from flows.command_line import main, published_summary

    main(ds4_synthetic, published_summary)
