"""The outcome of one check: what was measured, against which limit, and whether it holds."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["info", "warning", "error"]


class Finding(BaseModel):
    """One check of one table. `kind` is the check's family, `name` what it looked at.

    `holds` is decided by whoever measures (large is bad for one check, small for another), so a reader need not know.
    `severity` says what a failed one means: "error" closes the gate, "warning" is reported and alerted, "info" is
    only written.
    """

    model_config = ConfigDict(frozen=True)

    kind: Literal["contract", "missing", "outlier", "format", "volume", "schema", "bias"]
    name: str
    measured: float
    limit: float
    holds: bool
    unit: str = ""
    severity: Severity = "warning"
    detail: str = ""

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        tail = f" ({self.detail})" if self.detail else ""
        return f"{self.kind}: {self.name}: measured {self.measured:g}{unit}, limit {self.limit:g}{unit}{tail}"


class UserError(RuntimeError):
    """An error whose words say it all: what was measured, expected, where, what to do. A traceback adds nothing."""


class GateFailed(UserError):
    """The table is withheld: a check that closes the gate does not hold."""


class SourceError(UserError):
    """Input that cannot be read as what it should be; the message names file, line and the next step."""
