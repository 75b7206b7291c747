"""Thresholds of checks and label rules: a form in the UI, flags on the command line, a variable on the server."""

from pydantic import BaseModel, ConfigDict, Field

NEAR_DUPLICATES = 0.85  # Jaccard similarity at which a text repeats another
MISSING = 0.0  # share of rows that may lack a required value
OUTLIERS = 0.05  # share of rows that may be of unusual length


class Limits(BaseModel):
    """Where a check's finding stops holding."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quarantined: float = Field(
        0.05, ge=0, le=1, description="Share of rows that may be quarantined before the gate closes."
    )
    volume_drop: float = Field(
        0.20, ge=0, le=1, description="Fall in rows against the last different run that is told."
    )
    disparity: float = Field(0.10, ge=0, le=1, description="Difference of failure rates between slices that is told.")


class Representation(BaseModel):
    """How much of a dataset one group of a slice may have, or lack."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dominant: float = Field(0.40, ge=0, le=1, description="Share of rows above which a group is told as dominant.")
    rare: float = Field(0.05, ge=0, le=1, description="Share of rows below which a group is told as rare.")
    very_rare: float = Field(0.0, ge=0, le=1, description="Share of rows below which a rare group is an error.")
    smallest: int = Field(30, ge=1, description="Rows below which a group's rate is not compared with the mean.")
    off_mean: float = Field(0.25, ge=0, description="Distance from the mean rate, as a share of it, that is told.")


class LoadRules(BaseModel):
    """Thresholds of the label rules, as the domain documents them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpu_high: float = Field(80.0, description="Machine CPU %, at or above: Resource_Exhaustion.")
    memory_high: float = Field(80.0, description="Machine memory %, at or above: Resource_Exhaustion.")
    idle_cpu: float = Field(30.0, description="Failed at or below this CPU % died without load: System_Crash.")
    wait_quantile: float = Field(0.99, description="Waiting longer than this quantile of all waits: Data_Drift.")
