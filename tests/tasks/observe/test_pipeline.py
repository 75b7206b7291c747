"""`@pipeline` gives a flow its name, its hooks and its help, and begins the process."""

import inspect
import logging
from pathlib import Path

import pytest

from schemas.parameters import Mode, Scale
from tasks.engine.secrets import MaskingFactory
from tasks.observe import hooks
from tasks.observe.hooks import Hook
from tasks.observe.pipeline import HOOKS, pipeline

pytestmark = pytest.mark.flow


@pipeline("toy-flow")
def toy(*, data_dir: Path, mode: Mode = "sample", scale: Scale = 1.0) -> bool:
    """Plays.

    Args:
        data_dir: Where.
    """
    return isinstance(logging.getLogRecordFactory(), MaskingFactory)


def test_help_and_form_explain_every_parameter_the_same_way() -> None:
    form = {name: field["description"] for name, field in toy.parameters.properties.items()}
    help_text = inspect.getdoc(toy.fn)
    assert help_text is not None
    assert form["data_dir"] == "Where."
    assert all(f"{name}: {sentence}" in help_text for name, sentence in form.items())


def test_a_run_begins_its_process_before_the_flows_own_code(
    tmp_path: Path, prefect_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    try:
        assert toy(data_dir=tmp_path)
    finally:
        logging.setLogRecordFactory(before)


@pytest.mark.parametrize("hook", {hook.__name__: hook for hooks in HOOKS.values() for hook in hooks}.values())
def test_every_hook_begins_the_process_first(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker calls the hooks of a run that crashed in its own process, which may not have begun."""

    class BegunError(Exception):
        pass

    def begun() -> None:
        raise BegunError

    monkeypatch.setattr(hooks, "start", begun)
    with pytest.raises(BegunError):
        hook(None, None, None)  # type: ignore[arg-type]
