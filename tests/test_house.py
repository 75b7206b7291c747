"""Every flow is documented, deployed, listed and tested; and what people run matches what is written."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest
import yaml
from prefect import Flow

import flows
from tests.conftest import PROJECT

pytestmark = pytest.mark.integration

DEPLOYMENTS = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]
README = (PROJECT / "README.md").read_text()


def found_flows() -> dict[str, Flow]:  # type: ignore[type-arg]
    """Every flow defined in flows/, by module."""
    found = {}
    for module in pkgutil.iter_modules(flows.__path__):
        for thing in vars(importlib.import_module(f"flows.{module.name}")).values():
            if isinstance(thing, Flow) and thing.fn.__module__ == f"flows.{module.name}":
                found[module.name] = thing
    return found


FLOWS = found_flows()
DATASETS = enumerate(("alibaba", "loghub", "stackoverflow", "synthetic", "glaive", "the_stack"), start=1)


def test_the_walk_finds_the_flows() -> None:
    assert {"track_a", "track_b", *(f"ds{n}_{name}" for n, name in DATASETS)} <= set(FLOWS)


@pytest.mark.parametrize("name", FLOWS)
def test_every_flow_explains_itself_and_each_of_its_parameters(name: str) -> None:
    text = FLOWS[name].fn.__doc__ or ""
    explained = set(re.findall(r"^        (\w+): ", text, re.MULTILINE))  # Google's style: Prefect reads no other
    fields = FLOWS[name].parameters.properties
    assert text.strip()
    assert set(fields) == explained == {field for field, told in fields.items() if told.get("description")}


@pytest.mark.parametrize("name", FLOWS)
def test_every_flow_has_a_deployment_with_a_dotted_entry_point(name: str) -> None:
    deployment = next(d for d in DEPLOYMENTS if d["entrypoint"] == f"flows.{name}.{name}")
    assert deployment["name"] == FLOWS[name].name
    assert deployment["description"]
    assert set(deployment["parameters"]) <= set(FLOWS[name].parameters.properties)


@pytest.mark.parametrize("name", FLOWS)
def test_every_flow_has_a_row_in_the_readme_and_a_mirrored_test(name: str) -> None:
    assert re.search(rf"^\| `?{FLOWS[name].name}`? \|", README, re.MULTILINE)
    assert (PROJECT / "tests" / "flows" / f"test_{name}.py").is_file()


def test_schedules_have_unique_slugs_and_a_time_zone() -> None:
    schedules = [schedule for deployment in DEPLOYMENTS for schedule in deployment["schedules"]]
    slugs = [schedule["slug"] for schedule in schedules]
    assert len(slugs) == len(set(slugs)) > 0
    assert all(schedule["timezone"] for schedule in schedules)


def test_the_readmes_first_two_commands_are_make_run_and_make_test() -> None:
    assert re.findall(r"^make \w+", README, re.MULTILINE)[:2] == ["make run", "make test"]


def test_every_make_target_the_texts_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    texts = [README, *((PROJECT / name).read_text() for name in ("CONTRIBUTING.md", "CHANGELOG.md", ".env.example"))]
    assert {t for text in texts for t in re.findall(r"`make ([a-z-]+)", text)} <= targets


def test_no_file_of_flows_shadows_a_package() -> None:
    """`python flows/x.py` puts flows/ first on sys.path."""
    names = {Path(module.name).stem for module in pkgutil.iter_modules(flows.__path__)}
    assert not names & {"schemas", "tasks", "tests", "deployments", "datasets", "prefect", "pandas"}
