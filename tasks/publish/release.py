"""What is ready to be published: the files of a dataset, or of a track, under the names that others rely on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.finding import Finding
from schemas.published import Published
from schemas.reject import Reasons
from schemas.snapshot import Snapshot
from tasks.engine import snapshots
from tasks.engine.stage_log import Stage
from tasks.sources.acquire import Acquired


@dataclass(frozen=True)
class Release:
    """The files of one dataset, before the gate.

    `made` are the rows before any check, `kept` those that passed; `rows` is the file that `kept` becomes, by name,
    `documents` lie beside it, and `tables` beside it in `interim/`. `rejected` are all rows that were left out,
    `reasons` every reason that a row can have, `steps` what the run did so far.
    """

    stem: str
    acquired: Acquired
    made: Snapshot
    kept: Snapshot
    rejected: Snapshot
    rows: Mapping[str, Snapshot]
    documents: Mapping[str, Snapshot]
    tables: Mapping[str, Snapshot] = field(default_factory=dict)
    reasons: Reasons = field(default_factory=dict)
    steps: tuple[Stage, ...] = ()

    @property
    def findings(self) -> list[Finding]:
        """The checks that its documents report."""
        return [finding for document in self.documents.values() for finding in findings_of(document)]


@dataclass(frozen=True)
class TrackRelease:
    """The files of a track: `combined` is every row, `files` lie below `processed/<name>/`, `run` is its report.

    `datasets` are those it was made of; `also` is what only this kind of track has in its manifest.
    """

    name: str
    combined: Snapshot
    files: Mapping[str, Snapshot]
    run: Snapshot
    datasets: Mapping[str, Published]
    also: Mapping[str, object]
    suffix: str = ".parquet"


def findings_of(document: Snapshot) -> list[Finding]:
    """The checks that a published report contains; none where it has none, or has sentences (the bias report)."""
    content = snapshots.read(document)
    found = content.get("findings", []) if isinstance(content, Mapping) else []
    return [Finding(**finding) for finding in found if isinstance(finding, Mapping)]
