"""Format A, Track A's row: token ids of the last minutes of one entity, and the state it ends in.

Parquet, one row a sequence. `sequence_ids` is ragged (padding is the trainer's), at most MAX_LENGTH ids, oldest first.
"""

from datetime import timedelta
from typing import Literal, TypedDict

import pandas as pd
import pyarrow as arrow

Taxonomy = Literal["five", "seven"]

# label -> state. 5 and 6 exist under taxonomy="seven" only; under "five" they are 0 with rule `security`.
STATES = (
    "Normal",
    "Resource_Exhaustion",
    "System_Crash",
    "Network_Failure",
    "Data_Drift",
    "Auth_Failure",
    "Permission_Denied",
)
NORMAL, RESOURCE_EXHAUSTION, SYSTEM_CRASH, NETWORK_FAILURE, DATA_DRIFT, AUTH_FAILURE, PERMISSION_DENIED = range(7)

# Worst first: where two rules apply, the earlier state wins (not the larger label).
SEVERITY_ORDER = (
    SYSTEM_CRASH,
    NETWORK_FAILURE,
    RESOURCE_EXHAUSTION,
    DATA_DRIFT,
    PERMISSION_DENIED,
    AUTH_FAILURE,
    NORMAL,
)

PAD, UNK, CLS, SEP, MASK = range(5)
RESERVED = {PAD: "PAD", UNK: "UNK", CLS: "CLS", SEP: "SEP", MASK: "MASK"}
MAX_LENGTH = 512

TOKENS = pd.ArrowDtype(arrow.list_(arrow.int32()))
LABEL = pd.ArrowDtype(arrow.int8())
WEIGHT = pd.ArrowDtype(arrow.int64())
TEXT = pd.ArrowDtype(arrow.string())
UTC = pd.ArrowDtype(arrow.timestamp("us", tz="UTC"))

# The contract's columns, in order; a dataset may append its own (its slices) after them.
COLUMNS = {
    "sequence_ids": TOKENS,
    "label": LABEL,
    "source": TEXT,  # the dataset's stem
    "entity": TEXT,  # machine, host, container, block or task; unique within the source
    "window_start": UTC,  # the labelled window, [start, end)
    "window_end": UTC,
    "label_rule": TEXT,
    "weight": WEIGHT,  # how often this very sequence occurred; 1 before the combiner
    "split": TEXT,  # train | validation | test; "" before the combiner
    "context_start": UTC,  # start of the oldest window whose tokens are in the sequence
}
SPLITS = ("train", "validation", "test")

# Defaults of the steps that make a training set. The functions in tasks/ have none of their own.
SPLIT_SHARES = (0.8, 0.1, 0.1)  # of groups, for each of SPLITS; both tracks
SPLIT_BLOCK = timedelta(days=1)  # all windows of an entity that begin in one block go into one split
NORMAL_RATIO = 3.0  # at most so many Normal rows for each row of the largest failure state, in training
BALANCE_SEED = 42
DOMINANCE_LIMIT = 0.80  # share of a slice's rows above which one group dominates it
HIGH_GAP = 0.5  # of failure rates 0-1: two groups so far apart that the group nearly gives the label. Ours.


class Incident(TypedDict):
    """One planted failure: the entity has the state in [start, end), ISO times in UTC."""

    entity: str
    start: str
    end: str
    state: int


class Truth(TypedDict):
    """Content of truth.json, which a sample generator writes: what it planted."""

    incidents: list[Incident]
