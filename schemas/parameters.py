"""Parameters that several flows share: the type and the sentence of each, once.

`--help` and the form in the Prefect UI show the same sentence. A flow explains in its own docstring only what is its
own; `@pipeline` adds these (`with_shared_parameters`).
"""

import inspect
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args, get_type_hints

from pydantic import Field
from pydantic.fields import FieldInfo

from schemas import limits as thresholds
from schemas import snapshot
from schemas.ds3_stackoverflow import MIN_SCORE
from schemas.format_a import Taxonomy as TaxonomyName
from schemas.limits import NEAR_DUPLICATES

VARIABLE = "Default: the variable automend_thresholds"
VARIABLE_OR_DEFAULT = f"{VARIABLE}, else the defaults shown here."

Mode: TypeAlias = Annotated[
    snapshot.Mode,
    Field(
        description="sample: generated data, no network. local: real files from `source`. live: real files, downloaded "
        "at pinned versions."
    ),
]
Source: TypeAlias = Annotated[
    Path | None, Field(description="Folder with the real files, searched at any depth. Needed for mode local.")
]
DataDir: TypeAlias = Annotated[
    Path | None,
    Field(
        description="Data folder of this run (contains raw/, interim/ and processed/). Default: AUTOMEND_DATA_DIR, "
        "else data/ in the project."
    ),
]
Scale: TypeAlias = Annotated[
    float, Field(gt=0, description="Size of the generated sample, as a multiple of the usual one.")
]
Limits: TypeAlias = Annotated[
    thresholds.Limits | None, Field(description=f"Limits of the checks. {VARIABLE_OR_DEFAULT}")
]
Representation: TypeAlias = Annotated[
    thresholds.Representation | None,
    Field(description=f"Limits on the share of rows that one group may have. {VARIABLE_OR_DEFAULT}"),
]
Window: TypeAlias = Annotated[
    timedelta,
    Field(description="Length of a labelled window: 5m on the command line, PT5M in a form."),
]
History: TypeAlias = Annotated[
    int,
    Field(ge=0, description="Number of earlier windows in a machine's sequence, before the labelled one."),
]
Load: TypeAlias = Annotated[
    thresholds.LoadRules | None, Field(description=f"Thresholds of the machines' label rules. {VARIABLE_OR_DEFAULT}")
]
MachineCores: TypeAlias = Annotated[
    int,
    Field(ge=1, description="Cores of one machine. The CPU of instances is divided by it."),
]
Taxonomy: TypeAlias = Annotated[
    TaxonomyName,
    Field(
        description="five: security events are labelled Normal, with the rule `security`. seven: they have the "
        "states 5 and 6."
    ),
]
Year: TypeAlias = Annotated[
    int,
    Field(
        description="For logs without a year (syslog): the year of the first line. It increases by one each January."
    ),
]
SingleEvents: TypeAlias = Annotated[
    Literal["merge", "keep", "drop"],
    Field(
        description="What to do with a window of one event: merge it with the next window of its host, keep it, or "
        "drop it."
    ),
]
MinScore: TypeAlias = Annotated[
    int | None,
    Field(description=f"Lowest score of a Stack Overflow question that is used. {VARIABLE}, else {MIN_SCORE}."),
]
OptOut: TypeAlias = Annotated[
    Path | None,
    Field(
        description="File with repositories whose owners asked to be left out, one per line: owner/name, or an owner "
        "alone."
    ),
]
NearDuplicates: TypeAlias = Annotated[
    float | None,
    Field(
        gt=0,
        le=1,
        description=f"Jaccard similarity from which two texts are near duplicates. {VARIABLE}, else {NEAR_DUPLICATES}.",
    ),
]
HubRepo: TypeAlias = Annotated[str, Field(description="Dataset on the Hugging Face Hub, for mode live.")]
HubRevision: TypeAlias = Annotated[
    str, Field(pattern="^[0-9a-f]{40}$", description="Revision of that dataset, 40 hexadecimal digits.")
]
GeminiModel: TypeAlias = Annotated[str, Field(description="Gemini's model, for teacher gemini.")]
GeminiRequests: TypeAlias = Annotated[
    int, Field(ge=0, description="Most requests to Gemini in this run; every attempt counts.")
]
GeminiTokens: TypeAlias = Annotated[
    int, Field(ge=0, description="Most tokens that Gemini may read and write in this run.")
]
Seed: TypeAlias = Annotated[int, Field(description="Seed of every random choice. The same seed gives the same bytes.")]
AllowMissing: TypeAlias = Annotated[
    tuple[str, ...],
    Field(
        description="Datasets that may fail, such as ds1_alibaba. The manifest names them. Default: none; one failed "
        "dataset ends the run."
    ),
]


def described(function: Callable[..., Any]) -> Mapping[str, str]:
    """Parameter -> sentence, of the function's parameters that have one of these types, in their order."""
    hints = get_type_hints(function, include_extras=True)
    found = {name: _description(hints[name]) for name in inspect.signature(function).parameters if name in hints}
    return {name: sentence for name, sentence in found.items() if sentence}


def _description(hint: Any) -> str:
    """The sentence of an Annotated type, "" for any other."""
    fields = [part for part in get_args(hint)[1:] if isinstance(part, FieldInfo)]
    return next((field.description for field in fields if field.description), "")


def with_shared_parameters(function: Callable[..., Any]) -> str:
    """The function's docstring, in Google's style, whose Args explain all its parameters in their order.

    What the docstring explains itself goes before the type's sentence.
    """
    text = inspect.cleandoc(function.__doc__ or "")
    head, _, args = text.partition("\n\nArgs:\n")
    own = dict(re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", args, re.MULTILINE))
    shared = described(function)
    lines = [f"    {name}: {own.get(name) or shared.get(name, '')}" for name in inspect.signature(function).parameters]
    return "\n".join([head, "", "Args:", *lines]) + "\n"
