"""Where the code corpus comes from: each choice of The Stack v2 is a pinned download of its own."""

from pathlib import Path
from typing import Any

import pytest

from schemas.finding import SourceError
from tasks.pipelines.code_corpus import source as code
from tasks.sources import huggingface

pytestmark = pytest.mark.unit


def test_another_choice_has_another_pin() -> None:
    """The pin is what a cached download is known by."""
    changes: list[dict[str, Any]] = [
        {},
        {"repo": "us/copy"},
        {"revision": "a" * 40},
        {"shards": ["data/Java/*.parquet"]},
        {"languages": ["Java"]},
        {"max_samples": 7},
        {"max_samples": None},
    ]
    pins = [code.at(**change).pin for change in changes]
    assert len(set(pins)) == len(pins)
    assert pins[0] == code.SOURCE.pin
    assert huggingface.REVISION.fullmatch(code.REVISION)


def test_a_branch_is_refused_with_the_page_that_shows_revisions(tmp_path: Path) -> None:
    source = code.at(revision="main")
    assert source.bring is not None
    with pytest.raises(SourceError, match=r"40 hexadecimal digits.*the-stack-v2-dedup/commits/main"):
        source.bring(tmp_path)
