"""Where the source code comes from: The Stack v2 (mode live), a folder of files (mode local), or a generated sample."""

import dataclasses
import functools
from collections.abc import Sequence

from schemas.code_corpus import LANGUAGES, MAX_SAMPLES, STEM
from schemas.source import Source
from tasks.pipelines.code_corpus.download import bring
from tasks.pipelines.code_corpus.raw_files import count, decode, identify
from tasks.pipelines.code_corpus.sample import sample
from tasks.pipelines.code_corpus.source_tree import pack
from tasks.sources import software_heritage

__all__ = ["REPO", "REVISION", "SHARDS", "SOURCE", "at", "decode"]

REPO = "bigcode/the-stack-v2-dedup"  # near-duplicates removed; its terms are accepted on its page
# Its terms ask for the latest revision that can be used, since authors may take their files out: check its commits now
# and then. They also ask whoever downloads contents in bulk to make an agreement with Software Heritage first.
REVISION = "94d47b4385264b30f228e28a5d63e9b2eee8c2c5"
SHARDS = tuple(f"data/{language}/train-00000-of-*.parquet" for language in LANGUAGES)  # the first of each language


def at(
    repo: str = REPO,
    revision: str = REVISION,
    shards: Sequence[str] = SHARDS,
    languages: Sequence[str] = tuple(LANGUAGES),
    max_samples: int | None = MAX_SAMPLES,
) -> Source:
    """The source with other shards, languages or numbers of files, or another copy or revision of The Stack v2."""
    fetch = functools.partial(
        bring, repo=repo, revision=revision, shards=tuple(shards), languages=tuple(languages), max_samples=max_samples
    )
    pin = f"{repo}@{revision}/{','.join(shards)}#{','.join(languages)}:{max_samples}"
    return dataclasses.replace(_ANYWHERE, bring=fetch, pin=pin)


_ANYWHERE = Source(
    stem=STEM,
    title="Source code: The Stack v2 (deduplicated), or files of one's own",
    homepage=f"https://huggingface.co/datasets/{REPO}",
    licence="Each file has its own licence, named in its row; only permissive ones are kept",
    citation=(
        "Anton Lozhkov, Raymond Li, Loubna Ben Allal, Federico Cassano, Joel Lamy-Poirier, Nouamane Tazi, Ao Tang, "
        "Dmytro Pykhtar, Jiawei Liu, Yuxiang Wei, et al. StarCoder 2 and The Stack v2: The Next Generation. 2024. "
        "arXiv:2402.19173."
    ),
    expected=("files",),
    patterns=("*.parquet",),
    identify=identify,
    sample=sample,
    count=count,
    pack=pack,
    how_to_get=(
        f"The Stack v2 is gated: sign in, accept its terms at https://huggingface.co/datasets/{REPO}, and set HF_TOKEN "
        f"to a token that may read it. {software_heritage.KEYS}"
    ),
)
SOURCE = at()
