"""What became of one row of the trace: its observation, and the windows of its machine that contain it. And back."""

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl

from schemas.format_a import STATES
from tasks.pipelines.ds1_alibaba.rules import MEANINGS
from tasks.quality.trail import (
    Explainer,
    Found,
    Origin,
    Row,
    Stop,
    Tables,
    parsed_sequence_id,
    rows_at,
    sequence_id,
    sequences_with,
    window_stops,
)


def follow(tables: Tables, file: str, line: int) -> Found:
    """A row of the trace, from its observation to the sequences that contain it."""
    observed = rows_at(tables.step("select"), file, line)
    if not observed:
        return Found()
    row = observed[0]
    moment = datetime.fromtimestamp(row["time"], UTC)  # the trace's own clock begins at 1970
    sequences = sequences_with(tables.step("check"), row["entity"], moment)
    stops = (_observation_stop(row), *window_stops(sequences, STATES, MEANINGS))
    return Found(stops, tuple(map(sequence_id, sequences)))


def _observation_stop(row: Row) -> Stop:
    measured = {"CPU": row["cpu"], "memory": row["memory"]}
    shares = tuple(f"{name} {value:.1f} %" for name, value in measured.items() if value is not None)
    return Stop(
        "select", f"Observation of {row['entity']} in {row['table']}, second {row['time']:,} of the trace.", shares
    )


def origins(tables: Tables, row: str) -> Sequence[Origin]:
    """The rows of the trace in the labelled window of a sequence, in their order."""
    entity, start = parsed_sequence_id(row)
    sequence = tables.step("check").filter((pl.col("entity") == entity) & (pl.col("window_start") == start)).collect()
    if sequence.is_empty():
        return []
    first, last = int(start.timestamp()), int(sequence["window_end"][0].timestamp())
    observed = tables.step("select").filter(
        (pl.col("entity") == entity) & (pl.col("time") >= first) & (pl.col("time") < last)
    )
    lines = observed.select("file", "line").sort("file", "line").collect()
    return [Origin(*line) for line in lines.iter_rows()]


EXPLAINER = Explainer(follow, origins, "m_24@1970-01-01T00:20:00, entity and start of the window")
