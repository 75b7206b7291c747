"""What became of one log line: its event, the rule that labelled it, the window it is part of. And back."""

from collections.abc import Sequence

import polars as pl

from schemas.format_a import STATES
from tasks.pipelines.ds2_loghub.rules import MEANINGS
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
    """A log line, from its event to the sequences that contain it."""
    parsed = [
        Stop("parse", f"Read as a line of {row['system']}, layout {row['layout']}.", (f"message: {row['message']}",))
        for row in rows_at(tables.step("parse"), file, line)
    ]
    events = rows_at(tables.step("events"), file, line)
    if not events:
        return Found(tuple(parsed))
    event = events[0]
    sequences = sequences_with(tables.step("check"), event["entity"], event["timestamp"])
    stops = (*parsed, _event_stop(event), *window_stops(sequences, STATES, MEANINGS))
    return Found(stops, tuple(map(sequence_id, sequences)))


def _event_stop(event: Row) -> Stop:

    words = f"{event['severity']} event of {event['entity']} at {event['timestamp']:%Y-%m-%d %H:%M:%S} UTC."
    meaning = MEANINGS.get(event["rule"], "no rule of today")
    judged = f"event type {event['event_type']}, state {STATES[event['state']]}, by rule {event['rule']}: {meaning}"
    return Stop("events", words, (f"template {event['template_id']}: {event['template']}", judged))


def origins(tables: Tables, row: str) -> Sequence[Origin]:
    """The log lines in the labelled window of a sequence, in their order."""
    entity, start = parsed_sequence_id(row)
    sequence = tables.step("check").filter((pl.col("entity") == entity) & (pl.col("window_start") == start)).collect()
    if sequence.is_empty():
        return []
    end = sequence["window_end"][0]
    events = tables.step("events").filter(
        (pl.col("entity") == entity) & (pl.col("timestamp") >= start) & (pl.col("timestamp") < end)
    )
    lines = events.select("file", "line").sort("file", "line").collect()
    return [Origin(*line) for line in lines.iter_rows()]


EXPLAINER = Explainer(follow, origins, "linux/mars0@2005-12-31T00:30:00, entity and start of the window")
