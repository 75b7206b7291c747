"""The contracts of tables: which columns a table has, and what must hold for each of its rows.

Apart from the columns' own modules, because pandera takes two seconds to import: only a step that checks pays for it.
"""

import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow

from schemas import code_corpus, ds1_alibaba, ds2_loghub, format_a, format_b, tools

# ---- Track A


def _length_within(ids: pd.Series, low: int, high: int) -> pd.Series:
    """Rows whose token count lies in [low, high]."""
    lengths = arrow.compute.list_value_length(arrow.array(ids))
    return pd.Series(
        arrow.compute.and_(
            arrow.compute.greater_equal(lengths, low), arrow.compute.less_equal(lengths, high)
        ).to_pandas(),
        index=ids.index,
    )


Sequences = pa.DataFrameSchema(
    {
        "sequence_ids": pa.Column(
            format_a.TOKENS,
            pa.Check(lambda s: _length_within(s, 1, format_a.MAX_LENGTH), name=f"length_1_to_{format_a.MAX_LENGTH}"),
        ),
        "label": pa.Column(format_a.LABEL, pa.Check.isin(range(len(format_a.STATES)), name="known_label")),
        "source": pa.Column(format_a.TEXT),
        "entity": pa.Column(format_a.TEXT),
        "window_start": pa.Column(format_a.UTC),
        "window_end": pa.Column(format_a.UTC),
        "label_rule": pa.Column(format_a.TEXT),
        "weight": pa.Column(format_a.WEIGHT, pa.Check.ge(1, name="weight_at_least_1")),
        "split": pa.Column(format_a.TEXT, pa.Check.isin(("", *format_a.SPLITS), name="known_split")),
        "context_start": pa.Column(format_a.UTC),
    },
    checks=pa.Check(
        lambda df: (df["context_start"] <= df["window_start"]) & (df["window_start"] < df["window_end"]),
        name="times_in_order",
    ),
    strict=False,
    ordered=False,
    name="format_a",
)

# DS1 publishes Format A, then the slices. `rows` is the number of observations in the labelled window.
MachineSequences = Sequences.add_columns(
    {
        "status": pa.Column(
            format_a.TEXT, pa.Check.isin((*ds1_alibaba.STATUS_TOKENS, ds1_alibaba.NO_STATUS), name="known_status")
        ),
        "task_type": pa.Column(format_a.TEXT, pa.Check.isin(ds1_alibaba.TASK_TYPES, name="known_task_type")),
        "rows": pa.Column(ds1_alibaba.ROWS, pa.Check.ge(1, name="rows_at_least_1")),
    }
)


# ---- DS1 and DS2 between their steps


def _percent(column: arrow.DataType) -> pa.Column:
    return pa.Column(pd.ArrowDtype(column), pa.Check.in_range(0, 100, name="0_to_100_percent"), nullable=True)


Observations = pa.DataFrameSchema(
    {
        "table": pa.Column(
            pd.ArrowDtype(ds1_alibaba.OBSERVATION["table"]), pa.Check.isin(ds1_alibaba.USED, name="known_table")
        ),
        "entity": pa.Column(pd.ArrowDtype(ds1_alibaba.OBSERVATION["entity"])),
        "time": pa.Column(pd.ArrowDtype(ds1_alibaba.OBSERVATION["time"]), pa.Check.ge(0, name="not_before_the_trace")),
        "cpu": _percent(ds1_alibaba.OBSERVATION["cpu"]),
        "memory": _percent(ds1_alibaba.OBSERVATION["memory"]),
        "code": pa.Column(
            pd.ArrowDtype(ds1_alibaba.OBSERVATION["code"]),
            pa.Check.isin([*ds1_alibaba.STATUS_TOKENS.values(), *ds1_alibaba.EVENT_TOKENS.values()], name="known_code"),
            nullable=True,
        ),
        "network": pa.Column(pd.ArrowDtype(ds1_alibaba.OBSERVATION["network"])),
        "wait": pa.Column(
            pd.ArrowDtype(ds1_alibaba.OBSERVATION["wait"]), pa.Check.ge(0, name="no_negative_wait"), nullable=True
        ),
        "row_hash": pa.Column(pd.ArrowDtype(ds1_alibaba.OBSERVATION["row_hash"])),
        "file": pa.Column(pd.ArrowDtype(ds1_alibaba.OBSERVATION["file"])),
        "line": pa.Column(pd.ArrowDtype(ds1_alibaba.OBSERVATION["line"]), pa.Check.ge(1, name="lines_count_from_1")),
    },
    strict=True,
    ordered=True,
    name="ds1_observations",
)


def _no_line_twice(events: pd.DataFrame) -> bool:
    return not events.duplicated(["system", "file", "line"]).any()


Events = pa.DataFrameSchema(
    {
        "system": pa.Column(format_a.TEXT, pa.Check.str_matches(r"^[a-z0-9]+$", error="lower_case_system")),
        "timestamp": pa.Column(
            format_a.UTC,
            pa.Check.in_range(
                pd.Timestamp(f"{ds2_loghub.FIRST_YEAR}-01-01", tz="UTC"),
                pd.Timestamp(f"{ds2_loghub.LAST_YEAR + 1}-01-01", tz="UTC"),
                error="year_of_a_log",
            ),
        ),
        "severity": pa.Column(format_a.TEXT, pa.Check.isin(ds2_loghub.SEVERITIES, error="known_severity")),
        "source": pa.Column(format_a.TEXT),
        "template_id": pa.Column(format_a.TEXT, pa.Check.str_length(min_value=1, error="template_id_not_empty")),
        "template": pa.Column(format_a.TEXT),
        "message": pa.Column(format_a.TEXT),
        "line": pa.Column(ds2_loghub.LINE, pa.Check.ge(1, error="line_at_least_1")),
        "event_type": pa.Column(format_a.TEXT, pa.Check.isin(ds2_loghub.EVENT_TYPES, error="known_event_type")),
        "rule": pa.Column(format_a.TEXT, pa.Check.str_length(min_value=1, error="rule_not_empty")),
        "state": pa.Column(format_a.LABEL, pa.Check.isin(range(format_a.DATA_DRIFT + 1), error="one_of_five_states")),
        "entity": pa.Column(format_a.TEXT, pa.Check.str_matches(r"^[a-z0-9]+/.", error="system_slash_name")),
        "file": pa.Column(format_a.TEXT),
    },
    checks=pa.Check(_no_line_twice, error="no_line_twice"),
    strict=True,
    ordered=True,
    name="ds2_loghub_events",
)


# ---- Track B


def _not_empty(name: str) -> pa.Column:
    return pa.Column(format_b.COLUMNS[name], pa.Check.str_length(min_value=1, name=f"{name}_empty"))


Conversations = pa.DataFrameSchema(
    {
        "id": pa.Column(format_b.COLUMNS["id"], pa.Check.str_length(min_value=1, name="id_empty"), unique=True),
        **{name: _not_empty(name) for name in ("source", "group", "messages", "licence")},
        "attribution": pa.Column(format_b.COLUMNS["attribution"]),
        "environment": pa.Column(
            format_b.COLUMNS["environment"], pa.Check.isin(tools.ENVIRONMENTS, name="environment_unknown")
        ),
        "weight": pa.Column(format_b.COLUMNS["weight"], pa.Check.ge(0, name="weight_negative")),
        "rationale": pa.Column(format_b.COLUMNS["rationale"]),
        "scenario": pa.Column(format_b.COLUMNS["scenario"]),
        "rows": pa.Column(format_b.COLUMNS["rows"], pa.Check.ge(0, name="rows_negative")),
        "verified": pa.Column(format_b.VERIFIED),
        "split": pa.Column(format_b.COLUMNS["id"], pa.Check.isin(format_b.SPLITS, name="split_unknown")),
    },
    name="conversations",
)


# ---- the code corpus


def _column(name: str) -> pa.Column:
    checks = {
        "language": pa.Check.isin(code_corpus.LANGUAGES, name="language_unknown"),
        "split": pa.Check.isin(format_b.SPLITS, name="split_unknown"),
        "size": pa.Check.in_range(
            1, 2 * code_corpus.MOST_MEGABYTES << 20, name="size_out_of_range"
        ),  # Latin-1 may double in UTF-8
        "lines": pa.Check.ge(1, name="lines_none"),
        "tokens": pa.Check.ge(0, name="tokens_negative"),
        "complexity": pa.Check.ge(0, name="complexity_negative"),
        "stars": pa.Check.ge(0, name="stars_negative"),
        "rows": pa.Check.eq(1, name="rows_not_one"),
        "digest": pa.Check.str_length(64, 64, name="digest_malformed"),
        **{
            known: pa.Check.str_length(min_value=1, name=f"{known}_empty")
            for known in ("id", "repo", "path", "name", "licence", "attribution", "blob", "encoding", "content")
        },
    }
    return pa.Column(code_corpus.COLUMNS[name], checks.get(name), nullable=name in code_corpus.NULLABLE)


# Rule by rule on single rows: files are checked a batch at a time. That no id repeats is checked with the statistics.
Files = pa.DataFrameSchema({name: _column(name) for name in code_corpus.COLUMNS}, name="files")
