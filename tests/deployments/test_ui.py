"""What a person finds in the Prefect UI, in a real browser; what was seen is kept in build/screenshots/.

One run of track-a, and one that cannot succeed, are made by the platform's worker; every page is opened by its address,
as a link in an alert does, and every wait is for a text.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect, sync_playwright
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings
from prefect.utilities.urls import url_for

from tests.conftest import PROJECT
from tests.deployments.booted import boot
from tests.servers import Platform, needs, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("deployments")]

SCREENSHOTS = PROJECT / "build" / "screenshots"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
WINDOW: ViewportSize = {"width": 1400, "height": 1000}
PATIENCE_MS = 60_000
SCALE = 0.05  # of the sample
NAMED = re.compile(r"^track-a sample \d{4}-\d\d-\d\d \d\d:\d\d UTC$")
NOWHERE = "/a/folder/that/is/not/there"
STEPS = ("version track_A", "publish track_A", "render track_a", "summary track_a", "parts track_a", "combine track_a")


@dataclass(frozen=True)
class Seen:
    """The UI of a server, and what there is to see in it."""

    page: Page
    address: str

    def open(self, path: str, text: str | re.Pattern[str]) -> Page:
        """The page at `path` (an address is one, too), once it shows `text`."""
        self.page.goto(path if path.startswith("http") else self.address + path)
        self.shows(text)
        return self.page

    def shows(self, text: str | re.Pattern[str]) -> Locator:
        found = self.page.get_by_text(text).first
        expect(found).to_be_visible(timeout=PATIENCE_MS)
        return found

    def tab(self, name: str, text: str | re.Pattern[str]) -> str:
        """The page's text under one of its tabs, once `text` is there."""
        self.page.locator(".p-tab").filter(has_text=re.compile(f"^{name}$")).click()
        self.shows(text)
        return self.page.inner_text("body")

    def keep(self, name: str) -> None:
        """A picture of the whole page."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)

    def picture(self) -> None:
        """The page shows an image that the browser could draw."""
        image = self.page.locator("img[src^='data:image/svg+xml']").first
        expect(image).to_be_visible(timeout=PATIENCE_MS)
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300


@pytest.fixture(scope="module")
def deployed(platform: Platform) -> Platform:
    if httpx.get(f"{platform.api}/deployments/name/track-a/track-a", timeout=30).status_code != 200:
        boot(platform)
    return platform


def start(platform: Platform, name: str, **parameters: Any) -> str:
    """A run of a deployment; its id."""
    deployment = platform.get(f"deployments/name/{name}/{name}")["id"]
    return str(platform.post(f"deployments/{deployment}/create_flow_run", {"parameters": parameters})["id"])


def ended(platform: Platform, run: str) -> dict[str, Any]:
    """The run, once it is over."""

    def over() -> dict[str, Any] | None:
        found: dict[str, Any] = platform.get(f"flow_runs/{run}")
        return found if found["state_type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} else None

    return dict(wait_until(over, 400, "the end of a run"))


@dataclass(frozen=True)
class Runs:
    good: dict[str, Any]
    bad: dict[str, Any]
    data: Path


@pytest.fixture(scope="module")
def runs(deployed: Platform, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """A run of track-a on the sample, and one of ds2-loghub on a folder that is not there; both by the worker."""
    needs("chromium", "chromium")
    data = tmp_path_factory.mktemp("ui")
    good = start(deployed, "track-a", mode="sample", data_dir=str(data), scale=SCALE)
    bad = start(deployed, "ds2-loghub", mode="local", data_dir=str(data / "none"), source=NOWHERE)
    return Runs(ended(deployed, good), ended(deployed, bad), data)


@pytest.fixture(scope="module")
def seen(runs: Runs, deployed: Platform) -> Iterator[Seen]:
    """After the runs: playwright's event loop lives in this thread from here on, and Prefect's client wants its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=needs("chromium", "chromium"), args=FLAGS)
        page = browser.new_page(viewport=WINDOW)
        page.set_default_timeout(PATIENCE_MS)
        yield Seen(page, deployed.api.removesuffix("/api"))
        browser.close()


@pytest.fixture
def run_page(seen: Seen, runs: Runs) -> Seen:
    assert runs.good["state_name"] == "Completed", runs.good["state"]
    seen.open(f"/runs/flow-run/{runs.good['id']}", "Completed")
    return seen


def test_the_page_of_a_run_says_what_ran_and_when(run_page: Seen, runs: Runs) -> None:
    assert NAMED.match(runs.good["name"]), runs.good["name"]
    run_page.shows(runs.good["name"])
    run_page.shows("Beginning flow run")
    run_page.keep("run-of-track-a")


def test_its_subflows_are_called_by_their_dataset(run_page: Seen) -> None:
    told = run_page.tab("Subflow Runs", re.compile("ds1-alibaba sample"))
    assert re.search(r"ds2-loghub sample \d{4}", told)
    run_page.keep("subflows-of-track-a")


def test_its_steps_are_called_by_what_they_do_and_stand_in_their_order(run_page: Seen) -> None:
    lines = run_page.tab("Task Runs", STEPS[-1]).splitlines()  # the newest is the first
    assert list(dict.fromkeys(line for line in lines if line in STEPS)) == list(STEPS)  # one may have run again
    assert {"describe ds1_alibaba", "describe ds2_loghub", "label_accuracy ds1_alibaba", "plot track_a"} <= set(lines)
    run_page.keep("steps-of-track-a")


def test_its_artifacts_are_a_report_with_a_plot_a_plot_by_itself_and_a_table(run_page: Seen) -> None:
    told = run_page.tab("Artifacts", "track-a-report")
    assert {"track-a-report", "track-a-plot", "track-a-rows"} <= set(told.splitlines())
    assert re.search(r"(No problem was found|to look at)\. Mode sample\.", told)
    run_page.keep("artifacts-of-track-a")


def artifact(platform: Platform, run: str, key: str) -> str:
    """Path of the page of a run's artifact."""
    which = {"artifacts": {"flow_run_id": {"any_": [run]}, "key": {"any_": [key]}}}
    (found,) = platform.post("artifacts/filter", which)
    return f"/artifacts/artifact/{found['id']}"


def test_the_report_shows_its_verdict_its_plot_and_its_tables(seen: Seen, runs: Runs, deployed: Platform) -> None:
    page = seen.open(artifact(deployed, runs.good["id"], "track-a-report"), "Labels of the training split")
    expect(page.get_by_role("table").first).to_contain_text("quarantined")
    expect(page.get_by_role("table").first).to_contain_text("ds1_alibaba")
    seen.picture()
    seen.keep("report-of-track-a")


def test_the_plot_is_drawn(seen: Seen, runs: Runs, deployed: Platform) -> None:
    seen.open(artifact(deployed, runs.good["id"], "track-a-plot"), "Track A")
    seen.picture()
    seen.keep("plot-of-track-a")


def test_the_table_of_rows_adds_up_before_the_readers_eyes(seen: Seen, runs: Runs, deployed: Platform) -> None:
    page = seen.open(artifact(deployed, runs.good["id"], "track-a-rows"), "quarantined")
    cells = page.get_by_role("row").filter(has_text=re.compile("^all")).first.get_by_role("cell").all_inner_texts()
    total, kept, dropped, quarantined = (int(cell) for cell in cells[1:])
    assert total == kept + dropped + quarantined > 0
    seen.keep("rows-of-track-a")


def test_a_dataset_shows_its_checks_as_a_table(seen: Seen, runs: Runs, deployed: Platform) -> None:
    latest = {"artifacts": {"key": {"any_": ["ds1-alibaba-checks"]}}}
    (found,) = deployed.post("artifacts/latest/filter", latest)
    page = seen.open(f"/artifacts/artifact/{found['latest_id']}", "checks pass.")
    expect(page.get_by_role("table").first).to_contain_text("passes")
    expect(page.get_by_role("columnheader").first).to_have_text("outcome")
    seen.keep("checks-of-ds1-alibaba")


def test_the_form_explains_its_fields_and_offers_what_may_be_chosen(seen: Seen, deployed: Platform) -> None:
    deployment = deployed.get("deployments/name/track-a/track-a")
    page = seen.open(f"/deployments/deployment/{deployment['id']}/run", "Parameters")
    for field, told in deployment["parameter_openapi_schema"]["properties"].items():
        seen.shows(re.compile(rf"^{field}\b"))
        seen.shows(" ".join(told["description"].split("`")[0].split()))
    page.get_by_text("Limits", exact=True).first.click()
    seen.shows("Withhold the dataset when a larger share of its rows is quarantined.")
    page.set_viewport_size({"width": 1400, "height": 2400})  # the form scrolls in a frame of its own
    seen.keep("form-of-track-a")
    page.set_viewport_size(WINDOW)
    page.get_by_role("button", name="sample", exact=True).press("ArrowDown")
    expect(page.locator(".p-select-option__text")).to_have_text(["sample", "local", "live"], timeout=PATIENCE_MS)


def test_a_failed_run_says_why_in_our_words_without_a_traceback(seen: Seen, runs: Runs) -> None:
    assert runs.bad["state_name"] == "Failed", runs.bad["state"]
    page = seen.open(f"/runs/flow-run/{runs.bad['id']}", "Failed")
    seen.shows(re.compile(rf"SourceError: ds2_loghub: mode local reads a folder, but .*{NOWHERE}"))
    seen.shows("Engine execution exited")  # Prefect's last line
    assert "Traceback" not in page.inner_text("body")
    seen.keep("failed-run")


@pytest.mark.parametrize("kind", ["pipeline_start", "pipeline_success"])
def test_the_link_of_an_alert_opens_its_run(seen: Seen, runs: Runs, kind: str) -> None:
    alerts = json.loads((runs.data / "logs" / "alerts_history.json").read_text())
    (link,) = [told["url"] for told in alerts if told["type"] == kind and told["pipeline"] == "track-a"]
    page = seen.open(link, runs.good["name"])
    expect(page).to_have_title(re.compile(re.escape(runs.good["name"])), timeout=PATIENCE_MS)


def test_the_link_of_a_failure_opens_the_failed_run(seen: Seen, runs: Runs) -> None:
    alerts = json.loads((runs.data / "none" / "logs" / "alerts_history.json").read_text())
    (link,) = [told["url"] for told in alerts if told["type"] == "pipeline_failure"]
    seen.open(link, runs.bad["name"])
    seen.shows("Failed")


def test_where_the_ui_has_an_address_of_its_own_links_lead_there() -> None:
    inside, outside = "http://prefect-server:4200/api", "https://prefect.example.org"
    with temporary_settings({PREFECT_API_URL: inside, PREFECT_UI_URL: outside}):
        link = url_for("flow-run", obj_id="59bda300-af4c-4d92-aec8-fdb460dbbc52")
    assert link == f"{outside}/runs/flow-run/59bda300-af4c-4d92-aec8-fdb460dbbc52"


def test_the_lists_name_every_deployment_and_run(seen: Seen, runs: Runs) -> None:
    told = seen.open("/deployments", "ds6-the-stack").inner_text("body").splitlines()
    assert {"track-a", "track-b", "ds1-alibaba", "ds2-loghub", "At 03:00 AM every day"} <= set(told)
    seen.keep("deployments")
    seen.open("/runs", runs.good["name"])
    seen.keep("runs")
    seen.open("/dashboard", "Flow Runs")
    seen.keep("dashboard")
