"""DS1: the vocabulary names every token once, and the counts of schema_stats.json are worked by hand."""

import json
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from schemas import format_a
from tasks.pipelines.ds1_alibaba.reports import schema_stats, vocabulary
from tests.tasks.pipelines.ds1_alibaba.trace import instance, label, tokens, usage

pytestmark = [pytest.mark.unit, pytest.mark.dataset]
Decoded = Callable[..., pd.DataFrame]


def test_the_vocabulary_names_every_token_once(observations: pd.DataFrame) -> None:
    sequences, _ = label(observations)
    table = vocabulary(sequences)
    assert list(table.columns) == ["token", "source", "meaning"]
    assert table["token"].is_unique
    assert table["meaning"].is_unique
    assert set(table["source"]) == {"ds1_alibaba"}
    used = set(np.concatenate(tokens(sequences)).tolist())
    assert used <= {*table["token"].tolist(), format_a.UNK}
    named = dict(zip(table["token"], table["meaning"], strict=True))
    assert (named[101], named[209], named[300]) == ("CPU 10 to 20 %", "memory 90 to 100 %", "status Terminated")


def test_statistics_worked_by_hand(observed: Decoded) -> None:
    lines = {"server_usage": [usage(300, cpu=85), usage(600)], "batch_instance": [instance(310)]}
    sequences, _ = label(observed(**lines))
    assert tokens(sequences) == [[108, 205, 101, 201, 300], [108, 205, 101, 201, 300, 105, 205]]
    assert schema_stats(sequences) == {
        "total_sequences": 2,
        "label_distribution": {
            "Normal": 1,
            "Resource_Exhaustion": 1,
            "System_Crash": 0,
            "Network_Failure": 0,
            "Data_Drift": 0,
        },
        "sequence_length": {"min": 5, "max": 7, "mean": 6.0},
        "token_stats": {"unique_tokens": 6, "cpu_tokens": 5, "memory_tokens": 5},
        "quality_checks": {"empty_sequences": 0, "invalid_labels": 0},
    }


def test_statistics_of_no_sequences_are_zero_and_bad_ones_are_counted(observed: Decoded) -> None:
    sequences, _ = label(observed(server_usage=[usage(300), usage(600)]))
    none = schema_stats(sequences.head(0))
    assert none["total_sequences"] == none["token_stats"]["unique_tokens"] == none["sequence_length"]["max"] == 0
    assert none["sequence_length"]["mean"] == 0.0
    bad = sequences.assign(
        label=pd.array([9, None], dtype=format_a.LABEL), sequence_ids=pd.array([[], None], dtype=format_a.TOKENS)
    )
    assert schema_stats(bad)["quality_checks"] == {"empty_sequences": 2, "invalid_labels": 2}
    json.dumps(none)
