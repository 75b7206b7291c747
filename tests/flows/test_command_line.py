"""A flow's parameters are its flags; a failed run ends in one sentence and status 1."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest
from prefect import flow

from flows import command_line
from schemas.limits import Limits
from schemas.published import Published
from schemas.snapshot import Mode, Snapshot

pytestmark = [pytest.mark.integration, pytest.mark.flow]


USUAL = Limits()


@flow(name="toy-flow")
def toy(
    *,
    mode: Mode = "sample",
    window: timedelta = timedelta(minutes=5),
    limits: Limits = USUAL,
    words: tuple[str, ...] = (),
    fail: bool = False,
) -> str:
    """A toy.

    Parameters
    ----------
    mode:
        Where from.
    window:
        How long.
    limits:
        Which limits.
    words:
        Several.
    fail:
        Whether to.
    """
    if fail:
        raise ValueError("no rows at all")
    return f"{mode} {window} {limits.quarantined} {words}"


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["toy.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        command_line.main(toy, lambda result: [f"made {result}"])
    return ended.value.code


def test_flags_are_typed_and_nested_models_have_flags_of_their_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], prefect_server: None
) -> None:
    flags = ("--mode", "local", "--words", "one", "two", "--window", "10m", "--limits.quarantined", "0.2")
    assert call(monkeypatch, *flags) == 0
    assert "made local 0:10:00 0.2 ('one', 'two')" in capsys.readouterr().out


def test_a_failed_run_ends_with_its_sentence(monkeypatch: pytest.MonkeyPatch, prefect_server: None) -> None:
    assert call(monkeypatch, "--fail") == "\nValueError: no rows at all"


def test_help_explains_every_flag(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "--help") == 0
    told = capsys.readouterr().out
    assert "python flows/toy_flow.py" in told
    assert "Where from." in told


@pytest.mark.parametrize("arguments", [("--mode", "smaple"), ("--windw", "5m"), ("--limits.quarantined", "7")])
def test_bad_input_is_refused_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert call(monkeypatch, *arguments) not in {0, None}
    captured = capsys.readouterr()
    assert arguments[0].split(".")[0].removeprefix("--") in (captured.out + captured.err).lower()


def test_the_summary_of_a_dataset_tells_rows_reasons_and_places() -> None:
    snapshot = Snapshot(root=Path("/d"), path=Path("interim/x/y"), sha256="0", rows=7, schema_hash="", mode="sample")
    manifest = {
        "rows": {"in": 12, "kept": 9, "dropped": {"no_time": 2}, "quarantined": {"bad_number": 1}},
        "sequences": {"kept": 7, "dropped": {}, "quarantined": {"label_missing": 2}},
        "missing": ["server_event"],
        "outputs": {"toy_events.parquet": {}, "toy.parquet": {}},
    }
    published = Published(
        stem="toy", mode="sample", kept=snapshot, vocabulary=snapshot, manifest=manifest, truth=None, rules={}
    )
    told = "\n".join(command_line.published_summary(published))
    for part in (
        "12 rows -> 7 sequences",
        "1 bad_number, 2 label_missing, 2 no_time",
        "server_event",
        "/d/interim/toy.parquet",
    ):
        assert part in told
