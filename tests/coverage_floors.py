"""Print line coverage of the pure tasks and of the rest, fail below the floors: `python -m tests.coverage_floors`."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import grimp

PURE_FLOOR, REST_FLOOR = 95.0, 85.0
# Prefect and the network: what a pure module does not import, read from the graph that import-linter reads.
OUTSIDE = frozenset(
    {
        "boto3",
        "botocore",
        "dvc",
        "fsspec",
        "google",
        "httpx",
        "httpx2",
        "huggingface_hub",
        "prefect",
        "prefect_dask",
        "prefect_slack",
        "requests",
        "slack_sdk",
    }
)


def pure_files() -> set[str]:
    """Paths of the modules of schemas/ and tasks/ that import nothing of OUTSIDE."""
    graph = grimp.build_graph("schemas", "tasks", include_external_packages=True)
    ours = {module for module in graph.modules if module.partition(".")[0] in {"schemas", "tasks"}}
    pure = {module for module in ours if not graph.find_modules_directly_imported_by(module) & OUTSIDE}
    return {f"{module.replace('.', '/')}{ending}" for module in pure for ending in (".py", "/__init__.py")}


def share(files: dict[str, dict[str, dict[str, int]]]) -> float:
    """Percent of executable lines that ran; 100 for no lines."""
    lines = sum(f["summary"]["num_statements"] for f in files.values())
    ran = sum(f["summary"]["covered_lines"] for f in files.values())
    return 100 * ran / lines if lines else 100.0


def main() -> int:
    """Exit status 1 when a share is below its floor."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        subprocess.run([sys.executable, "-m", "coverage", "json", "-q", "-o", report.name], check=True)
        files = json.loads(Path(report.name).read_text())["files"]
    without_effects = pure_files()
    pure = {path: f for path, f in files.items() if path in without_effects}
    rest = {path: f for path, f in files.items() if path not in pure}
    for path, f in sorted(files.items(), key=lambda item: item[1]["summary"]["percent_covered"]):
        if f["summary"]["missing_lines"]:
            print(f"  {path:34} {f['summary']['percent_covered']:5.1f} %  not run: {f['missing_lines'][:12]}")
    print(
        f"line coverage: pure tasks and schemas {share(pure):.1f} % (floor {PURE_FLOOR}), rest {share(rest):.1f} % "
        f"(floor {REST_FLOOR})"
    )
    return int(share(pure) < PURE_FLOOR or share(rest) < REST_FLOOR)


if __name__ == "__main__":
    sys.exit(main())
