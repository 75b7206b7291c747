"""DS1's contracts: the raw layout is the trace's own, and no token has two meanings."""

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from schemas import ds1_alibaba as ds1
from schemas import format_a

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


def test_the_six_tables_have_the_columns_and_types_of_the_traces_schema(real_data: Path) -> None:
    kinds = {"INTEGER": (ds1.INTEGER,), "FLOAT": (ds1.FLOAT,), "STRING": (ds1.TEXT, ds1.WORD)}
    published = defaultdict(list)
    with (real_data / "alibaba" / "cluster-trace-v2017" / "schema.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            published[row["file name"].removesuffix(".csv")].append(kinds[row["format"].strip()])
    assert set(published) == set(ds1.TABLES) - {"machine_usage"}
    for table, columns in published.items():
        ours = list(ds1.TABLES[table].values())
        assert len(ours) == len(columns), table
        assert all(kind in allowed for kind, allowed in zip(ours, columns, strict=True)), table


def test_no_token_has_two_meanings() -> None:
    bins = [first + decile for first in (ds1.CPU_BINS, ds1.MEMORY_BINS) for decile in range(ds1.BINS)]
    tokens = [*format_a.RESERVED, *bins, *ds1.STATUS_TOKENS.values(), *ds1.EVENT_TOKENS.values()]
    assert len(tokens) == len(set(tokens))


def test_the_ids_of_the_domain_document_stay_as_they_are() -> None:
    assert [ds1.STATUS_TOKENS[s] for s in ("Terminated", "Failed", "Waiting", "Running", "Unknown")] == [
        *range(300, 305)
    ]
    assert [ds1.EVENT_TOKENS[e] for e in ("add", "softerror", "harderror", "unknown event")] == [*range(400, 404)]
    assert (ds1.CPU_BINS, ds1.MEMORY_BINS, ds1.BINS) == (100, 200, 10)


def test_every_status_has_a_spelling_and_a_place_in_the_order() -> None:
    assert set(ds1.STATUS_SPELLINGS) == set(ds1.STATUS_TOKENS) == set(ds1.STATUS_ORDER)
