"""Which files may be in the code corpus, and why a file is rejected: rules and reasons in one table.

A file that its source says little about is kept: rules on stars, size and encoding apply where these are known. The
licence is the exception, since nothing may be done with a file whose licence is not known.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd

from schemas.code_corpus import FEWEST_ALPHANUMERIC, FEWEST_STARS, MOST_CONTROLS, SMALLEST, Fault
from schemas.finding import SourceError
from schemas.reject import Reason, reasons
from tasks.curate.privacy.opt_out import is_among
from tasks.curate.text import encoding, languages
from tasks.quality import licences
from tasks.quality.row_rules import Rule

Answers = Sequence[bool] | pd.Series


@dataclass(frozen=True)
class Wanted:
    """Which files a run asks for: languages, repositories to leave out, least stars, and size in bytes."""

    languages: tuple[str, ...]
    opted_out: tuple[str, ...]
    fewest_stars: int
    smallest: int
    largest: int


@dataclass(frozen=True)
class FileRule:
    """A rule on a raw file: `keeps(files, wanted)` answers one boolean a file; the others are rejected for `reason`."""

    reason: Reason
    keeps: Callable[[pd.DataFrame, Wanted], Answers]


def is_permissive(licence: str) -> bool:
    """Whether an SPDX expression lets everybody use, change and pass on; an unknown one does not."""
    try:
        return licences.kind(licence) == "permissive"
    except SourceError:
        return False


def _nobody_opted_out(files: pd.DataFrame, wanted: Wanted) -> list[bool]:
    names = frozenset(wanted.opted_out)
    return [not is_among(repo, names) for repo in files["repo"]]


def _has_enough_stars(files: pd.DataFrame, wanted: Wanted) -> pd.Series:
    return files["stars"].fillna(wanted.fewest_stars) >= wanted.fewest_stars


def _without_fault(fault: Fault, files: pd.DataFrame, _wanted: Wanted) -> pd.Series:
    return files["fault"].fillna("") != fault


def _is_in_its_language(files: pd.DataFrame, _wanted: Wanted) -> list[bool]:
    """Whether the content agrees with the language of the name; bytes that no encoding reads are left to `encoding`."""
    columns = zip(files["content"], files["encoding"].fillna(""), files["language"], strict=True)
    return [not _is_in_another_language(*file) for file in columns]


def _is_in_another_language(content: bytes, declared_encoding: str, language: str) -> bool:
    try:
        return languages.contradicted(encoding.decoded(content, declared_encoding).text, language) is not None
    except encoding.Undecodable:
        return False


# Rules of stage `selection`, in their order: a file is rejected for the first rule that does not keep it.
FILE_RULES = (
    FileRule(
        Reason("opted_out", "dropped", "The owner of the repository asked to be left out (--opt-out)."),
        _nobody_opted_out,
    ),
    FileRule(
        Reason("language_unknown", "dropped", "The file name ends like none of the corpus's languages."),
        lambda files, _: files["language"] != "",
    ),
    FileRule(
        Reason("language_not_asked", "dropped", "The file is in a language that this run does not ask for."),
        lambda files, wanted: files["language"].isin(list(wanted.languages)),
    ),
    FileRule(
        Reason("few_stars", "dropped", f"The repository is known to have fewer than {FEWEST_STARS} stars."),
        _has_enough_stars,
    ),
    FileRule(
        Reason("licence_missing", "dropped", "No licence is known, so nobody may use the file."),
        lambda files, _: files["licence"].fillna("") != "",
    ),
    FileRule(
        Reason("licence_not_permissive", "dropped", "The licence, or one of several, is not known to be permissive."),
        lambda files, _: files["licence"].map(is_permissive),
    ),
    FileRule(
        Reason("too_small", "dropped", f"The file has fewer than {SMALLEST} bytes."),
        lambda files, wanted: files["bytes"] >= wanted.smallest,
    ),
    FileRule(
        Reason("too_large", "dropped", "The file has more bytes than the run allows (--max-size-mb)."),
        lambda files, wanted: files["bytes"] <= wanted.largest,
    ),
    FileRule(
        Reason("null_content", "quarantined", "The raw row has no content."),
        partial(_without_fault, "null_content"),
    ),
    FileRule(
        Reason("not_fetched", "dropped", "The content was not downloaded, because the file's metadata rule it out."),
        partial(_without_fault, "not_fetched"),
    ),
    FileRule(
        Reason("not_found", "quarantined", "The archive has no content under the file's hash."),
        partial(_without_fault, "not_found"),
    ),
    FileRule(
        Reason("wrong_content", "quarantined", "The content does not have the hash that names it."),
        partial(_without_fault, "wrong_content"),
    ),
    FileRule(
        Reason("language_mismatch", "dropped", "The content is in another language than the file name says."),
        _is_in_its_language,
    ),
)

REASONS = reasons(
    *(rule.reason for rule in FILE_RULES),
    # limit
    Reason("repeated", "dropped", "An earlier raw row has the same repository, path and revision."),
    Reason("over_max_samples", "dropped", "The run has as many files of this language as it asks for (--max-samples)."),
    # encoding
    Reason("undecodable", "quarantined", "No known encoding reads the bytes as text."),
    Reason("not_utf8", "quarantined", "The file is not UTF-8, and stage encoding is off."),
    # malformed
    Reason("empty", "dropped", "The file has nothing but white space."),
    Reason("control_characters", "dropped", f"More than {MOST_CONTROLS:.0%} of the characters are control characters."),
    Reason("merge_conflict", "dropped", "The file has the marks of an unfinished merge."),
    Reason("long_lines", "dropped", "A line, or the mean line, is too long: the file is minified or data."),
    Reason(
        "low_alphanumeric", "dropped", f"Less than {FEWEST_ALPHANUMERIC:.0%} of the characters are letters or digits."
    ),
    # pii
    Reason("redaction_breaks_syntax", "quarantined", "The file parsed before redaction and does not afterwards."),
    Reason("leak", "quarantined", "The detector still finds personal data or a secret after redaction."),
    # duplicates, near_duplicates, decontamination
    Reason("duplicate_exact", "dropped", "A file that is kept has the same bytes."),
    Reason("duplicate_normalised", "dropped", "A file that is kept differs in white space alone."),
    Reason("near_duplicate", "dropped", "A file that is kept has nearly the same words (--similarity-threshold)."),
    Reason("benchmark", "dropped", "The file contains a string of a benchmark (--benchmarks)."),
    Reason("repeats_test", "dropped", "The file repeats too much of a file in the test split."),
)


def file_rules(wanted: Wanted) -> tuple[Rule, ...]:
    """FILE_RULES for what a run asks for."""
    return tuple(_for_run(rule, wanted) for rule in FILE_RULES)


def _for_run(rule: FileRule, wanted: Wanted) -> Rule:
    return Rule(rule.reason.name, lambda files: rule.keeps(files, wanted))


# For the report: reasons of this pipeline that do not only drop a file.
QUARANTINED = frozenset(name for name, reason in REASONS.items() if reason.outcome == "quarantined")
