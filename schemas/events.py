"""Events that the flows emit on the Prefect server: what an automation, or a person's own tool, may listen to.

A payload says what a check measured, never a row of the data, and its size is bounded whatever the checks find.
"""

import json
import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict

from schemas.finding import Finding, Severity
from schemas.snapshot import Mode

FINDINGS = 20  # listed one by one; `broken` counts all
TEXT = 300  # characters of one text, as JSON writes it
ALERT_DELIVERED = "alert.delivered"  # on a flow run, after Slack took the alert of its failure

RANK: Mapping[str, int] = {"info": 0, "warning": 1, "error": 2}


def _width(text: str) -> int:
    """Characters that JSON writes for it: two for a quote, six for most control characters."""
    return len(json.dumps(text, ensure_ascii=False)) - 2


def _cut(text: str) -> str:
    if len(text) <= TEXT and _width(text) <= TEXT:
        return text
    fits = bisect_right(range(min(len(text), TEXT) + 1), TEXT - 2, key=lambda length: _width(text[:length]))
    return text[: fits - 1] + " …"


def _finite(number: float | None) -> float | None:
    """JSON knows neither infinity nor NaN."""
    return number if number is not None and math.isfinite(number) else None


Text = Annotated[str, BeforeValidator(_cut)]
Number = Annotated[float | None, BeforeValidator(_finite)]


class Broken(BaseModel):
    """A check that does not hold; `measured` and `limit` are in `unit`, None when they are no finite number."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    name: Text
    measured: Number
    limit: Number
    unit: Text = ""
    severity: Severity
    detail: Text = ""


class DataEvent(BaseModel):
    """What all events about a dataset share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    NAME: ClassVar[str]

    stem: str
    mode: Mode
    broken: int  # how many do not hold; at most FINDINGS of them stand in `findings`

    @property
    def resource(self) -> dict[str, str]:
        """What the event is about, as Prefect labels it."""
        return {"prefect.resource.id": f"automend.dataset.{self.stem}", "prefect.resource.name": self.stem}

    def payload(self) -> dict[str, Any]:
        """The event's payload, JSON-ready."""
        return self.model_dump(mode="json")


class DataAnomaly(DataEvent):
    """Checks of a dataset's values, volume or quality that do not hold. `severity` is that of the worst."""

    NAME: ClassVar[str] = "data.anomaly"

    checked: int
    severity: Severity
    findings: tuple[Broken, ...]

    @classmethod
    def of(cls, stem: str, mode: Mode, findings: Sequence[Finding]) -> Self | None:
        """The event of all checks of one run, the worst listed first; None when every check holds."""
        broken = [finding for finding in findings if not finding.holds]
        if not broken:
            return None
        broken.sort(key=lambda finding: -RANK[finding.severity])  # stable: the order of the report within a severity
        listed = tuple(Broken(**finding.model_dump(exclude={"holds"})) for finding in broken[:FINDINGS])
        return cls(
            stem=stem,
            mode=mode,
            broken=len(broken),
            checked=len(findings),
            severity=broken[0].severity,
            findings=listed,
        )


class DataBias(DataEvent):
    """Groups of a dataset that are far off the others, each in a sentence with its numbers (`bias_report.json`)."""

    NAME: ClassVar[str] = "data.bias"

    severity: Literal["warning", "high"]
    findings: tuple[Text, ...]
    limits: dict[str, Number]

    @classmethod
    def of(cls, stem: str, mode: Mode, report: Mapping[str, Any]) -> Self | None:
        """The event of a bias report; None when it found none."""
        if report["severity"] == "none":
            return None
        sentences = list(report["findings"])
        return cls(
            stem=stem,
            mode=mode,
            broken=len(sentences),
            severity=report["severity"],
            findings=tuple(sentences[:FINDINGS]),
            limits=dict(list(report.get("limits", {}).items())[:FINDINGS]),
        )
