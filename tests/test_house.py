"""Every pipeline and flow is documented, deployed, listed and tested; and what people run matches what is written."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prefect import Flow

import flows
from tests import stems
from tests.conftest import PROJECT

pytestmark = pytest.mark.integration

DEPLOYMENTS = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
RESULTS = (PROJECT / "tests/benchmarks/RESULTS.md").read_text(encoding="utf-8")
PIPELINES = PROJECT / "tasks" / "pipelines"
STEMS = stems.folders(PIPELINES)
# What each pipeline has, and each but a track.
FILES, FILES_OF_A_DATASET = (
    ("__init__.py", "README.md", "rules.py", "reports.py"),
    ("source.py", "sample.py", "explain.py"),
)
TEXTS = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    ".env.example",
    "deployments/OPERATIONS.md",
    "deployments/SCALING.md",
    "tests/benchmarks/RESULTS.md",
    *(str(path.relative_to(PROJECT)) for path in sorted(PIPELINES.glob("*/README.md"))),
)
README_BYTES = 9_000
MAKE = re.compile(r"(?:`make |^make (?=[a-z-]+ *(?:#|$)))([a-z-]+)", re.MULTILINE)


def text_of(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def flows_by_module() -> dict[str, Flow]:  # type: ignore[type-arg]
    """Every flow defined in flows/, by module."""
    by_module = {}
    for module in pkgutil.iter_modules(flows.__path__):
        for thing in vars(importlib.import_module(f"flows.{module.name}")).values():
            if isinstance(thing, Flow) and thing.fn.__module__ == f"flows.{module.name}":
                by_module[module.name] = thing
    return by_module


FLOWS = flows_by_module()


# ---------------------------------------------------------------- pipelines


def test_the_walk_finds_the_pipelines() -> None:
    assert set(STEMS) > set(stems.TRACKS)


@pytest.mark.parametrize("stem", STEMS)
def test_every_pipeline_has_a_flow(stem: str) -> None:
    assert [name for name in FLOWS if name == stem or name.startswith(f"{stem}_")], f"flows/{stem}.py is missing"


@pytest.mark.parametrize("stem", STEMS)
def test_every_pipeline_has_the_files_of_a_pipeline_and_tests_of_its_own(stem: str) -> None:
    tests = PROJECT / "tests/tasks/pipelines" / stem
    names = FILES if stem in stems.TRACKS else FILES + FILES_OF_A_DATASET
    missing = [name for name in names if not (PIPELINES / stem / name).is_file()]
    assert not missing, f"tasks/pipelines/{stem} has no {', '.join(missing)}"
    assert list(tests.glob("test_*.py")), f"{tests} has no test: write test_<module>.py for each module of the pipeline"


@pytest.mark.parametrize("stem", STEMS)
def test_every_pipeline_explains_why_it_rejects_rows(stem: str) -> None:
    assert (PIPELINES / stem / "rules.py").is_file(), f"tasks/pipelines/{stem} has no rules.py"
    rules = importlib.import_module(f"tasks.pipelines.{stem}.rules")
    assert rules.REASONS
    assert all(reason.meaning for reason in rules.REASONS.values())


# ---------------------------------------------------------------- flows


@pytest.mark.parametrize("name", FLOWS)
def test_every_flow_explains_itself_and_each_of_its_parameters(name: str) -> None:
    text, fields = FLOWS[name].fn.__doc__ or "", FLOWS[name].parameters.properties
    assert text.strip()
    assert set(re.findall(r"^        (\w+): ", text, re.MULTILINE)) <= set(
        fields
    )  # no text of a parameter that is gone
    assert set(fields) == {field for field, schema in fields.items() if schema.get("description")}


@pytest.mark.parametrize("name", FLOWS)
def test_every_flow_has_a_deployment_with_a_dotted_entry_point(name: str) -> None:
    deployment = next((d for d in DEPLOYMENTS if d["entrypoint"] == f"flows.{name}.{name}"), None)
    assert deployment is not None, f"prefect.yaml has no deployment with the entrypoint flows.{name}.{name}"
    assert deployment["name"] == FLOWS[name].name
    assert deployment["description"]
    assert set(deployment["parameters"]) <= set(FLOWS[name].parameters.properties)


@pytest.mark.parametrize("name", FLOWS)
def test_every_flow_has_a_row_in_the_readme_and_a_mirrored_test(name: str) -> None:
    row = re.compile(rf"^\| `?{FLOWS[name].name}`? \|", re.MULTILINE)
    assert row.search(README) is not None, f"README.md has no row | `{FLOWS[name].name}` | in its table of flows"
    assert (PROJECT / "tests" / "flows" / f"test_{name}.py").is_file(), f"tests/flows/test_{name}.py is missing"


def test_schedules_have_unique_slugs_and_a_time_zone() -> None:
    schedules = [schedule for deployment in DEPLOYMENTS for schedule in deployment["schedules"]]
    slugs = [schedule["slug"] for schedule in schedules]
    assert len(slugs) == len(set(slugs)) > 0
    assert all(schedule["timezone"] for schedule in schedules)


def test_no_file_of_flows_shadows_a_package() -> None:
    """`python flows/x.py` puts flows/ first on sys.path."""
    names = {Path(module.name).stem for module in pkgutil.iter_modules(flows.__path__)}
    assert not names & {"schemas", "tasks", "tests", "deployments", "datasets", "prefect", "pandas"}


# ---------------------------------------------------------------- texts


def test_the_readme_is_read_in_a_few_minutes() -> None:
    assert len(README.encode()) <= README_BYTES


def test_the_readmes_first_two_commands_are_make_run_and_make_test() -> None:
    assert re.findall(r"^make \w+", README, re.MULTILINE)[:2] == ["make run", "make test"]


@pytest.mark.parametrize("name", TEXTS)
def test_every_make_target_and_module_that_a_text_names_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    assert set(MAKE.findall(text_of(name))) <= targets
    modules = re.findall(r"python -m ((?:deployments|flows|tests)[\w.]*)", text_of(name))
    assert [module for module in modules if not is_module(module)] == []


def is_module(name: str) -> bool:
    path = PROJECT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


def links(name: str) -> Iterator[tuple[Path, str]]:
    """(file, anchor) of every link of a Markdown text that leads into the project."""
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(name)):
        if "://" not in link:
            path, _, anchor = link.partition("#")
            yield ((PROJECT / name).parent / path if path else PROJECT / name), anchor


def anchors(text: str) -> set[str]:
    """Anchors of a Markdown text's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", [name for name in TEXTS if name.endswith(".md")])
def test_every_link_of_a_text_leads_to_a_file_and_a_heading_that_exist(name: str) -> None:
    broken = [
        f"{path.name}#{anchor}"
        for path, anchor in links(name)
        if not path.exists() or (anchor and anchor not in anchors(path.read_text(encoding="utf-8")))
    ]
    assert broken == []


COMMAND = re.compile(r"`(?:make [a-z-]+|python -m tests\.benchmarks\.\w+|prefect )[^`]*`")


def tables(chapter: str) -> list[list[str]]:
    """Tables of a Markdown text, each as its lines."""
    return [block.splitlines() for block in re.findall(r"(?:^\|.*\n)+", chapter, re.MULTILINE)]


def rows_without_a_command(chapter: str) -> list[str]:
    """Rows of figures that no command measures: neither their own last cell nor the chapter's line `Command:`."""
    if re.search(rf"^Command: {COMMAND.pattern}", chapter, re.MULTILINE):
        return []
    rows = [row for table in tables(chapter) for row in table[2:]]
    return [row for row in rows if not COMMAND.search(row.rstrip("|").rsplit("|", 1)[-1])]


@pytest.mark.parametrize("chapter", RESULTS.split("\n## ")[1:], ids=lambda chapter: chapter.splitlines()[0])
def test_every_figure_of_the_results_has_the_command_that_measures_it(chapter: str) -> None:
    assert tables(chapter + "\n")
    assert rows_without_a_command(chapter + "\n") == []


def test_a_figure_without_a_command_is_noticed() -> None:
    table = "| what | measured | command |\n|---|---|---|\n| speed | 1 | {} |\n"
    assert rows_without_a_command(table.format("")) != []
    assert rows_without_a_command(table.format("`make bench`")) == []
    assert rows_without_a_command("Command: `make bench`\n\n" + table.format("")) == []


def test_no_table_of_the_readme_is_torn_by_an_empty_line() -> None:
    assert all(re.fullmatch(r"\|(?:\s*:?-+:?\s*\|)+", table[1]) for table in tables(README))
