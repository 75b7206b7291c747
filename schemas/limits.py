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
        description="Warn when this run has fewer rows than the last run on other input, by more than this share.",
    )
    disparity: float = Field(
        0.10,
        ge=0,
        le=1,
        description="Warn when the failure rates of two groups of one column differ by more than this.",
    )


class Representation(BaseModel):
    """Limits on the share of a dataset's rows that one group of a slice has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dominant: float = Field(
        0.40, ge=0, le=1, description="Report a group as dominant when its share of the rows is above this."
    )
    rare: float = Field(0.05, ge=0, le=1, description="Report a group with a smaller share of the rows as rare.")
    very_rare: float = Field(
        0.0, ge=0, le=1, description="Report a rare group as an error when its share is below this."
    )
    smallest: int = Field(30, ge=1, description="A group with fewer rows than this is not compared.")
    off_mean: float = Field(
        0.25, ge=0, description="Report a group whose rate is farther from the mean than this share of the mean."
    )


class LoadRules(BaseModel):
    """Thresholds of the machines' label rules, as DOMAIN.md documents them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpu_high: float = Field(
        80.0, description="A window is Resource_Exhaustion when the CPU of its machine, in %, is at least this."
    )
    memory_high: float = Field(
        80.0, description="A window is Resource_Exhaustion when the memory of its machine, in %, is at least this."
    )
    idle_cpu: float = Field(
        30.0, description="A failed task is System_Crash when the CPU of its machine, in %, is at most this."
    )
    wait_quantile: float = Field(0.99, description="Waits longer than this quantile of all waits are Data_Drift.")
