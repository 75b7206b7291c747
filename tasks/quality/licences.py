"""Licences of rows and of the file they make together: share-alike or permissive, by SPDX id.

In: SPDX ids and expressions, such as "MIT", "MIT AND Apache-2.0", "MIT OR CC-BY-SA-4.0". Out: the kind of each, the
licence of a bundle, and the text of its attributions. A licence that is not named here is refused, never guessed.

Share-alike: what is adapted from CC BY-SA 2.0 or 2.5 (section 4b), 3.0 (4b, ii) or 4.0 (3b, 1) may be offered under
the same licence or a later version with the same elements; so one file can have all four, as CC BY-SA 4.0
(creativecommons.org/licenses/by-sa/<version>/legalcode). 1.0 has no such clause, and is refused.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Literal

import pandas as pd
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from schemas.finding import SourceError, UserError
from tasks.curate.text import python_source

Kind = Literal["permissive", "share_alike"]

SHARE_ALIKE = ("CC-BY-SA-2.0", "CC-BY-SA-2.5", "CC-BY-SA-3.0", "CC-BY-SA-4.0")
SHARE_ALIKE_BUNDLE = "CC-BY-SA-4.0"  # the latest, whichever are present: which rows a run has changes no file's licence
# Licences that require no more than the notice and the author's name.
PERMISSIVE = (
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "BlueOak-1.0.0", "CC0-1.0", "ISC", "MIT"),
    *("MIT-0", "NCSA", "PostgreSQL", "Python-2.0", "UPL-1.0", "Unlicense", "WTFPL", "X11", "Zlib"),
    *("CC-BY-2.0", "CC-BY-2.5", "CC-BY-3.0", "CC-BY-4.0"),
    *("CDLA-Permissive-1.0", "CDLA-Permissive-2.0", "ODC-By-1.0", "PDDL-1.0"),
)


NOASSERTION = "NOASSERTION"  # SPDX's word for a licence that nobody checked
UNKNOWN = 2  # strictness: 0 permissive, 1 share-alike


class LicenceConflict(UserError):
    """A bundle has a row that its licence does not allow."""


def kind(licence: str) -> Kind:
    """Whether an adaptation must have the same licence (share_alike) or need not (permissive).

    Of "A AND B" both bind; of "A OR B" the less strict one. Raises SourceError for a licence that is not known here.
    """
    return "share_alike" if set(terms(licence)) & set(SHARE_ALIKE) else "permissive"


@cache
def terms(licence: str) -> tuple[str, ...]:
    """SPDX ids that bind whoever uses the row, sorted: of "mit AND isc" these are ("ISC", "MIT").

    Raises SourceError for text that is no SPDX expression, and for other licences than permissive and share-alike ones.
    """
    try:
        expression = canonicalize_license_expression(licence)
    except InvalidLicenseExpression as error:
        raise _unknown(licence) from error
    names: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        """Ids are no Python names; AND and OR between them are operators."""
        if match[0] in {"AND", "OR"}:
            return match[0].lower()
        return names.setdefault(match[0], f"licence_{len(names)}")

    text = re.sub(r"[\w.+-]+( WITH [\w.-]+)?", name, expression)
    ids = {variable: spdx for spdx, variable in names.items()}
    bound = _binding_ids(python_source.expression(text).body, ids)
    if _strictness(bound) == UNKNOWN:
        raise _unknown(licence)
    return tuple(sorted(bound))


def all_of(several: Iterable[str]) -> str | None:
    """The expression of licences that bind together, in order, each once; None where there are none."""
    different = sorted(set(several))
    return different[0] if len(different) == 1 else " AND ".join(map(_enclosed, different)) or None


def _enclosed(licence: str) -> str:
    return f"({licence})" if " OR " in licence else licence


def _binding_ids(node: ast.expr, ids: dict[str, str]) -> frozenset[str]:
    """The ids that bind under an expression. An exception (A WITH B) only permits more: A is what binds."""
    if isinstance(node, ast.BoolOp):
        parts = [_binding_ids(part, ids) for part in node.values]
        if isinstance(node.op, ast.Or):
            return min(parts, key=lambda part: (_strictness(part), len(part), sorted(part)))
        return frozenset[str]().union(*parts)
    return frozenset({ids[ast.unparse(node)].partition(" WITH ")[0]})


def _strictness(bound: frozenset[str]) -> int:
    return max(0 if spdx in PERMISSIVE else 1 if spdx in SHARE_ALIKE else UNKNOWN for spdx in bound)


def _unknown(licence: str) -> SourceError:
    return SourceError(
        f"The licence {licence!r} is none of those whose terms are known here "
        f"({', '.join(sorted((*PERMISSIVE, *SHARE_ALIKE)))}, or several joined by AND and OR). "
        "Drop its rows where they are acquired or, if its terms fit, add its SPDX id in tasks/quality/licences.py."
    )


def bundle(licences: Iterable[str]) -> str:
    """The licence of a file with rows of these licences; "" for no rows.

    One share-alike row makes it CC-BY-SA-4.0 (see above why this version); otherwise every permissive licence applies
    to its own rows: their sorted conjunction. Each row keeps its own licence beside it.
    """
    bound = {spdx for licence in set(licences) for spdx in terms(licence)}
    return SHARE_ALIKE_BUNDLE if bound & set(SHARE_ALIKE) else " AND ".join(sorted(bound))


def require_permissive(table: pd.DataFrame) -> None:
    """Raise LicenceConflict if a table that is to be offered as permissive has a share-alike row.

    Needs the columns `id` and `licence`.
    """
    counts = Counter(table["licence"])
    strict = {licence: rows for licence, rows in sorted(counts.items()) if kind(licence) == "share_alike"}
    if strict:
        first = table["id"][table["licence"].isin(list(strict))].min()
        raise LicenceConflict(
            f"{sum(strict.values()):,} of {len(table):,} rows of a permissive bundle are share-alike "
            f"({', '.join(f'{licence}: {rows:,}' for licence, rows in strict.items())}), the first is {first}. "
            "Combine with licence='permissive', which drops them, or offer the file as "
            f"{bundle(table['licence'])}."
        )


def notice(table: pd.DataFrame) -> str:
    """Text of a NOTICE file: the bundle's licence, then for each licence its rows and their attributions, sorted.

    Needs the columns `licence` and `attribution`. Each attribution is there once, on one line.
    """
    parts = (
        _licence_notice(str(licence), rows["attribution"]) for licence, rows in table.groupby("licence", sort=True)
    )
    head = f"Licence of this file as a whole: {bundle(table['licence']) or 'none, it has no rows'}."
    return (
        "\n\n".join([f"{head}\nEach row keeps its own licence, named in its metadata and listed here.", *parts]) + "\n"
    )


def _licence_notice(licence: str, attributions: "pd.Series[str]") -> str:
    links = (f"https://spdx.org/licenses/{spdx}.html" for spdx in terms(licence))
    lines = sorted({" ".join(text.split()) for text in attributions} - {""})
    return "\n".join([f"{licence} ({', '.join(links)}): {len(attributions)} rows", *(f"  {line}" for line in lines)])
