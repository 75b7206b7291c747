"""All thresholds as one value: what the variable automend_thresholds holds, and what a run agreed on."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field

from schemas.ds3_stackoverflow import MIN_SCORE
from schemas.ds5_glaive import RARE, VERY_RARE
from schemas.limits import NEAR_DUPLICATES, Limits, LoadRules, Representation

VARIABLE = "automend_thresholds"


class Thresholds(BaseModel):
    """Where checks stop holding and label rules begin to. An unknown name is refused: it would change nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limits: Limits = Limits()
    load: LoadRules = LoadRules()
    ds5_representation: Representation = Representation(rare=RARE, very_rare=VERY_RARE)
    ds6_representation: Representation = Representation()
    code_representation: Representation = Representation()
    min_score: int = Field(MIN_SCORE, description="Least score of a question of ds3_stackoverflow.")
    near_duplicates: float = Field(
        NEAR_DUPLICATES, gt=0, le=1, description="Jaccard similarity at which a line repeats another."
    )

    def over(self, **given: Any) -> Self:
        """These thresholds, with what a run was given in their place; None: not given.

        Of a model only the fields that were named count, so that one flag does not reset the others.
        """
        told = {name: value for name, value in given.items() if value is not None}
        return self.model_copy(update={name: self._merged(name, value) for name, value in told.items()})

    def _merged(self, name: str, value: Any) -> Any:
        if not isinstance(value, BaseModel):
            return value
        return type(value)(**{**getattr(self, name).model_dump(), **value.model_dump(exclude_unset=True)})
