"""Thresholds of checks and label rules: a form in the UI, flags on the command line, a variable on the server."""

from pydantic import BaseModel, ConfigDict, Field

NEAR_DUPLICATES = 0.85  # Jaccard similarity of two texts, of words in fives
MISSING = 0.0  # share of rows that may lack a required value
OUTLIERS = 0.05  # share of rows that may be of unusual length


class Limits(BaseModel):
    """Limits of the checks that every dataset shares."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quarantined: float = Field(
        0.05, ge=0, le=1, description="Withhold the dataset when a larger share of its rows is quarantined."
    )
    volume_drop: float = Field(
        0.20,
        ge=0,
        le=1,
        description="Warn when rows drop by more than this share since the last run on different input.",
    )
    disparity: float = Field(
        0.10, ge=0, le=1, description="Warn when failure rates of two groups of a slice differ by more than this."
    )


class Representation(BaseModel):
    """Limits on the share of a dataset's rows that one group of a slice has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dominant: float = Field(0.40, ge=0, le=1, description="Report a group with a larger share of the rows as dominant.")
    rare: float = Field(0.05, ge=0, le=1, description="Report a group with a smaller share of the rows as rare.")
    very_rare: float = Field(0.0, ge=0, le=1, description="Report a rare group with a share below this as an error.")
    smallest: int = Field(30, ge=1, description="Do not compare the rate of a group with fewer rows.")
    off_mean: float = Field(
        0.25, ge=0, description="Report a group whose rate differs from the mean by more than this share of the mean."
    )


class LoadRules(BaseModel):
    """Thresholds of the machines' label rules, as DOMAIN.md documents them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpu_high: float = Field(80.0, description="Machine CPU in %, from which a window is Resource_Exhaustion.")
    memory_high: float = Field(80.0, description="Machine memory in %, from which a window is Resource_Exhaustion.")
    idle_cpu: float = Field(30.0, description="Machine CPU in %, up to which a failed task is System_Crash.")
    wait_quantile: float = Field(0.99, description="Quantile of all waits, beyond which waiting is Data_Drift.")
