"""All thresholds as one value, by pipeline: what the variable automend_thresholds contains, and what a run uses."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.ds3_stackoverflow import MIN_SCORE
from schemas.ds5_glaive import RARE, VERY_RARE
from schemas.limits import NEAR_DUPLICATES, Limits, LoadRules, Representation

VARIABLE = "automend_thresholds"
# Where a threshold of an older variable is today.
MOVED = {
    "load": "ds1_alibaba.load",
    "min_score": "ds3_stackoverflow.min_score",
    "ds5_representation": "ds5_glaive.representation",
    "ds6_representation": "ds6_the_stack.representation",
    "code_representation": "code_corpus.representation",
    "near_duplicates": "code_corpus.near_duplicates and track_b.near_duplicates",
}


class _Section(BaseModel):
    """Thresholds of one pipeline. An unknown name is refused: it would change nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def over(self, given: Mapping[str, Any]) -> Self:
        """These values, replaced by those of the run that are not None; of a model, by the fields it sets itself."""
        new = {name: _over_old(getattr(self, name), value) for name, value in given.items() if value is not None}
        return self.model_copy(update=new)


def _over_old(old: Any, new: Any) -> Any:
    if isinstance(old, _Section):
        return old.over(new)
    if isinstance(new, BaseModel):  # so that one flag does not reset the others
        return type(new)(**{**old.model_dump(), **new.model_dump(exclude_unset=True)})
    return new


def _jaccard(what: str) -> Any:
    return Field(
        NEAR_DUPLICATES, gt=0, le=1, description=f"Jaccard similarity from which two {what} are near duplicates."
    )


class Ds1Alibaba(_Section):
    """Thresholds of ds1_alibaba."""

    load: LoadRules = LoadRules()


class Ds3Stackoverflow(_Section):
    """Thresholds of ds3_stackoverflow."""

    min_score: int = Field(MIN_SCORE, description="Lowest score of a question that is used.")


class Ds5Glaive(_Section):
    """Thresholds of ds5_glaive."""

    representation: Representation = Representation(rare=RARE, very_rare=VERY_RARE)


class Ds6TheStack(_Section):
    """Thresholds of ds6_the_stack."""

    representation: Representation = Representation()


class CodeCorpus(_Section):
    """Thresholds of code_corpus."""

    representation: Representation = Representation()
    near_duplicates: float = _jaccard("files")


class TrackB(_Section):
    """Thresholds of track_b."""

    near_duplicates: float = _jaccard("conversations")


class Thresholds(_Section):
    """Limits of the checks that all datasets share, and the thresholds of each pipeline."""

    limits: Limits = Limits()
    ds1_alibaba: Ds1Alibaba = Ds1Alibaba()
    ds3_stackoverflow: Ds3Stackoverflow = Ds3Stackoverflow()
    ds5_glaive: Ds5Glaive = Ds5Glaive()
    ds6_the_stack: Ds6TheStack = Ds6TheStack()
    code_corpus: CodeCorpus = CodeCorpus()
    track_b: TrackB = TrackB()


def faults(error: ValidationError) -> list[str]:
    """Each invalid name with what is wrong with it; a name that has moved, with its new place."""
    return [_fault(".".join(map(str, fault["loc"])), fault["msg"]) for fault in error.errors()]


def _fault(name: str, message: str) -> str:
    return f"{name} is now {MOVED[name]}" if name in MOVED else f"{name or 'the value'}: {message}"
