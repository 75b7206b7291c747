"""A table against its contract: what passes, what is quarantined with its reason, and what no row can be blamed for.

The pandera schema is a constant of ours, passed by the caller. Three outcomes: kept, quarantined, ContractFailed.
"""

import re
from collections.abc import Iterable, Iterator

import pandas as pd
import pandera.config
from pandera.errors import SchemaError, SchemaErrorReason, SchemaErrors
from pandera.pandas import Check, DataFrameSchema

from schemas.finding import GateFailed
from schemas.reject import Reason, Reasons, reasons
from tasks.quality.rejects import rejected_rows

# Faults of single rows; every other reason is the table's own.
ROW_FAULTS = frozenset(
    {
        SchemaErrorReason.SERIES_CONTAINS_NULLS,
        SchemaErrorReason.SERIES_CONTAINS_DUPLICATES,
        SchemaErrorReason.DUPLICATES,
        SchemaErrorReason.DATAFRAME_CHECK,
    }
)


class ContractFailed(GateFailed):
    """The table as a whole is not what the contract describes, or the contract cannot be checked."""


def check(table: pd.DataFrame, schema: DataFrameSchema) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(kept, quarantined): rows that pass, with a fresh index, and the others as rejects, one each, in their order.

    The reason is the first check that failed: columns in the schema's order, "<column>_missing" before its other
    checks, then the checks of whole rows. A table without rows passes; the gate, not the contract, misses them.
    Raises ContractFailed for missing, repeated or wrongly typed columns, for a check that cannot be run, and when
    pandera is switched off.
    """
    require_validation()
    _require_columns(table, schema)
    table = table.reset_index(drop=True)
    reason_of: dict[int, str] = {}
    while failed := _failed(table.drop(index=list(reason_of)) if reason_of else table, schema):
        reason_of |= failed
    bad = sorted(reason_of)
    kept = table.drop(index=bad).reset_index(drop=True)
    quarantined = rejected_rows("check", contract_reasons(schema), table.iloc[bad], [reason_of[row] for row in bad])
    return kept, quarantined


def contract_reasons(schema: DataFrameSchema) -> Reasons:
    """Every reason for which `check` can quarantine a row by this schema, in the schema's order."""
    meanings: dict[str, str] = {}
    for name, column in schema.columns.items():
        if not column.nullable:
            meanings[_missing(name)] = f"The row has no value in the column {name}."
        if column.unique:
            meanings[_repeated(name)] = f"Another row has the same value in the column {name}."
        meanings |= _check_meanings(column.checks)
    if schema.unique:
        meanings[_repeated(schema.name)] = f"Another row has the same values in the columns {', '.join(schema.unique)}."
    meanings |= _check_meanings(schema.checks)
    return reasons(*(Reason(name, "quarantined", meaning) for name, meaning in meanings.items()))


def _check_meanings(checks: Iterable[Check]) -> dict[str, str]:
    return {_check_word(check): f"The row breaks the contract's check {_check_word(check)}." for check in checks}


def _missing(column: str | None) -> str:
    return f"{column}_missing"


def _repeated(column: str | None) -> str:
    return f"{column}_repeated"


def _check_word(check: Check) -> str:
    """The check's name as a snake_case word."""
    return re.sub(r"\W+", "_", getattr(check, "name", None) or str(check)).strip("_").lower()


def require_validation() -> None:
    """Raise ContractFailed unless pandera checks both schema and data: a gate that looks at nothing is none."""
    settings = pandera.config.get_config_context()
    depth = settings.validation_depth
    if settings.validation_enabled and depth in (None, pandera.config.ValidationDepth.SCHEMA_AND_DATA):
        return
    how = (
        f"PANDERA_VALIDATION_DEPTH={depth.value}"
        if settings.validation_enabled and depth
        else "PANDERA_VALIDATION_ENABLED=False"
    )
    raise ContractFailed(
        f"Nothing is published while {how}: pandera would pass tables it has not looked at. "
        "Remove the variable from the environment and run again."
    )


def _require_columns(table: pd.DataFrame, schema: DataFrameSchema) -> None:
    """Raise ContractFailed for columns that are missing, or repeated: pandera sees only one of two."""
    missing = [name for name, column in schema.columns.items() if column.required and name not in table.columns]
    repeated = sorted(set(table.columns[table.columns.duplicated()]))
    faults = [f"column {name} is missing" for name in missing] + [f"column {name} is repeated" for name in repeated]
    if faults:
        raise _contract_failed(schema, faults)


def _contract_failed(schema: DataFrameSchema, faults: list[str]) -> ContractFailed:
    return ContractFailed(
        f"Contract {schema.name} is broken: {'; '.join(faults)}. No row can be blamed for it, so nothing is kept. "
        "Look at the step that made the table, or, if it changed on purpose, at the contract in schemas/."
    )


def _failed(table: pd.DataFrame, schema: DataFrameSchema) -> dict[int, str]:
    """Row -> reason of the rows that fail, {} when all pass.

    Subtle: a check of whole rows cannot be run while a column it compares has a null. Such a fault is passed over as
    long as rows fail for reasons of their own; once they are gone, the caller comes back, and it runs.
    """
    errors = _schema_errors(table, schema)
    reason_of = dict(reversed(list(_row_reasons(errors, schema))))  # of two reasons the first stays
    of_table = [error for error in errors if error.reason_code not in ROW_FAULTS]
    shape = [error for error in of_table if error.reason_code is not SchemaErrorReason.CHECK_ERROR]
    reported = shape or ([] if reason_of else of_table)
    if reported:
        raise _contract_failed(schema, [_table_fault(error, table) for error in reported])
    return reason_of


def _schema_errors(table: pd.DataFrame, schema: DataFrameSchema) -> list[SchemaError]:
    try:
        schema.validate(table, lazy=True)
    except SchemaErrors as failure:
        return failure.schema_errors
    return []


def _row_reasons(errors: list[SchemaError], schema: DataFrameSchema) -> Iterator[tuple[int, str]]:
    """(row, reason) of every fault, in the contract's order."""
    columns = list(schema.columns)

    def rank(error: SchemaError) -> tuple[int, int]:
        place = columns.index(error.schema.name) if error.schema.name in columns else len(columns)
        return place, -1 if error.check_index is None else error.check_index

    for error in sorted((e for e in errors if e.reason_code in ROW_FAULTS), key=rank):
        reason = _reason_of_error(error)
        for row in error.failure_cases["index"].unique():
            yield int(row), reason


def _reason_of_error(error: SchemaError) -> str:
    """A snake_case word: the check's own name, or the column's and what is wrong with it."""
    if error.reason_code is SchemaErrorReason.SERIES_CONTAINS_NULLS:
        return _missing(error.schema.name)
    if error.reason_code is not SchemaErrorReason.DATAFRAME_CHECK:
        return _repeated(error.schema.name)
    return _check_word(error.check)


def _table_fault(error: SchemaError, table: pd.DataFrame) -> str:
    """What is wrong with the table, in a line; pandera's own words where there is nothing better."""
    if error.reason_code is SchemaErrorReason.WRONG_DATATYPE:
        return f"column {error.schema.name} has type {table[error.schema.name].dtype}, expected {error.schema.dtype}"
    return f"{error.schema.name}: {str(error).splitlines()[0]}"
