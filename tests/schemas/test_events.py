"""Events: what they tell, and that nothing makes them large or leaves them unreadable as JSON."""

import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.events import FINDINGS, TEXT, DataAnomaly, DataBias
from schemas.finding import Finding

pytestmark = pytest.mark.unit

LARGEST = 20_000  # bytes; Prefect refuses an event of more than 1.5 MB


def finding(name: str = "nulls", holds: bool = False, severity: str = "warning", **more: object) -> Finding:
    return Finding.model_validate(
        {"kind": "missing", "name": name, "measured": 0.4, "limit": 0.1, "holds": holds, "severity": severity, **more}
    )


REPORT = {"severity": "high", "findings": ["rows of `pod`: 0.9 fail"], "limits": {"disparity": 0.1}, "mitigation": {}}


def test_checks_that_hold_and_a_report_without_bias_make_no_event() -> None:
    assert DataAnomaly.of("ds1_alibaba", "sample", [finding(holds=True)]) is None
    assert DataBias.of("ds1_alibaba", "sample", {**REPORT, "severity": "none", "findings": []}) is None


def test_an_anomaly_tells_only_what_does_not_hold_the_worst_first_and_counts_all() -> None:
    found = [finding("a"), finding("b", holds=True), finding("c", severity="error"), finding("d")]
    event = DataAnomaly.of("ds1_alibaba", "live", found)
    assert event is not None
    assert [told.name for told in event.findings] == ["c", "a", "d"]
    assert (event.checked, event.broken, event.severity, event.mode) == (4, 3, "error", "live")
    assert event.resource == {
        "prefect.resource.id": "automend.dataset.ds1_alibaba",
        "prefect.resource.name": "ds1_alibaba",
    }


def test_bias_tells_its_sentences_and_limits_and_nothing_else_of_the_report() -> None:
    event = DataBias.of("ds1_alibaba", "sample", REPORT)
    assert event is not None
    assert event.payload() == {
        "stem": "ds1_alibaba",
        "mode": "sample",
        "broken": 1,
        "severity": "high",
        "findings": ["rows of `pod`: 0.9 fail"],
        "limits": {"disparity": 0.1},
    }


@given(st.lists(st.text(), max_size=60), st.floats(), st.floats())
@example(["\x07"] * 60, 0.0, 0.0)  # one character, six in JSON
def test_a_payload_is_small_and_strict_json_whatever_was_found(texts: list[str], measured: float, limit: float) -> None:
    found = [finding(text * 500, measured=measured, limit=limit, detail=text * 500) for text in texts]
    bias = {**REPORT, "findings": [text * 500 for text in texts], "limits": {"disparity": limit}}
    for event in (DataAnomaly.of("x", "sample", found), DataBias.of("x", "sample", bias)):
        if event is not None:
            written = json.dumps(event.payload(), allow_nan=False, ensure_ascii=False)
            assert len(event.findings) <= FINDINGS
            assert len(written) <= LARGEST
            assert event.broken == len(texts) or event.NAME == DataAnomaly.NAME


def test_a_long_text_is_cut_and_says_so_and_a_number_that_is_none_is_null() -> None:
    event = DataAnomaly.of("x", "sample", [finding("n" * 9_000, measured=math.nan, limit=math.inf)])
    assert event is not None
    (told,) = event.findings
    assert len(told.name) == TEXT
    assert told.name.endswith(" …")
    assert (told.measured, told.limit) == (None, None)


@pytest.mark.parametrize("text", ["\x07" * 50, '"' * 150, "n" * TEXT, "é" * TEXT])
def test_a_text_that_fits_as_json_writes_it_is_left_whole_and_one_more_is_cut(text: str) -> None:
    for given_text, whole in ((text, True), (text + text[0], False)):
        event = DataAnomaly.of("x", "sample", [finding(given_text)])
        assert event is not None
        (told,) = event.findings
        assert (told.name == given_text) is whole
        assert len(json.dumps(told.name, ensure_ascii=False)) - 2 <= TEXT


def test_an_event_cannot_be_changed_nor_hold_a_field_nobody_declared() -> None:
    event = DataBias.of("x", "sample", REPORT)
    assert event is not None
    with pytest.raises(ValidationError):
        event.stem = "y"
    with pytest.raises(ValidationError):
        DataBias.model_validate({**event.payload(), "rows": [1]})
