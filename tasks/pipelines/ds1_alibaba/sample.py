"""A generated sample of the Alibaba trace: its tables in their real layout, and truth.json with what was planted.

It has the marginals of the real batch_task table (80,553 rows, read 2026) and what trace_201708.md says of the other
tables, of which we have no rows: usage every 300 s for 12 hours, failed and running instances without an end, waiting
ones without any time, a few times before the trace. On top of it incidents of all four failure states are planted,
with near misses, and listed in truth.json. They are drawn here, by DOMAIN.md's definition of an incident; no label rule
is used.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from schemas import ds1_alibaba as ds1
from schemas import format_a
from schemas.format_a import Incident

Array = np.ndarray[Any, Any]

MACHINES = 100  # of scale 1
BEGIN = 39_600  # seconds: usage is published for 12 hours of the trace's day
EVERY = 300  # seconds between a machine's usage rows
SLOTS = 144  # 12 hours of them
BLOCK = 6  # slots that hold at most one incident, with a quiet one before and after
INSTANCES = 1_000  # of a machine
TASKS = 80  # for each machine
DAY = 61_000  # seconds in which tasks are made

Counts = Mapping[str, int]
# Incidents of each kind for 100 machines of 24 blocks each; a near miss is none.
PLANTED: Counts = {
    "cpu_high": 60,
    "memory_high": 40,
    "crash": 60,
    "harderror": 20,
    "harderror under load": 10,
    "softerror": 30,
    "network": 40,
    "failed under load": 60,
    "near miss: cpu 79": 60,
    "near miss: memory 79": 40,
    "gap": 20,
}
STATE: Mapping[str, int] = {
    "cpu_high": format_a.RESOURCE_EXHAUSTION,
    "memory_high": format_a.RESOURCE_EXHAUSTION,
    "crash": format_a.SYSTEM_CRASH,
    "harderror": format_a.SYSTEM_CRASH,
    "harderror under load": format_a.SYSTEM_CRASH,
    "softerror": format_a.NETWORK_FAILURE,
    "network": format_a.NETWORK_FAILURE,
    "failed under load": format_a.DATA_DRIFT,
}
LOADED = "harderror under load"
# kind -> (lowest, highest) percent of the machine's CPU or memory in the incident's slots
CPU_OF: Mapping[str, tuple[float, float]] = {
    "cpu_high": (80.0, 99.5),
    "crash": (1.0, 30.0),
    LOADED: (85.0, 98.0),
    "failed under load": (30.5, 78.0),
    "near miss: cpu 79": (79.0, 79.99),
}
MEMORY_OF: Mapping[str, tuple[float, float]] = {"memory_high": (80.0, 98.0), "near miss: memory 79": (79.0, 79.99)}
# kind -> (event type, details it may have)
EVENT_OF: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "harderror": ("harderror", ("disk failure", "memory ecc error", "fan failure")),
    LOADED: ("harderror", ("disk failure", "mainboard failure")),
    "softerror": ("softerror", ("low disk space", "agent failure", "symlink loop in agent")),
    "network": ("softerror", ("link down eth0", "switch port flapping", "network unreachable")),
}


@dataclass(frozen=True)
class Incidents:
    """What was planted: arrays of one length. `slot` is the first of `length` slots of a machine."""

    kind: Array  # a key of PLANTED
    machine: Array  # 0-based
    slot: Array
    length: Array

    def of(self, *kinds: str) -> "Incidents":
        """Those of some kinds."""
        chosen = np.isin(self.kind, kinds)
        return Incidents(self.kind[chosen], self.machine[chosen], self.slot[chosen], self.length[chosen])


def sample(folder: Path, seed: int, scale: float) -> None:
    """Write server_usage, batch_instance, batch_task and server_event of 100 * scale machines, and truth.json.

    Same seed and scale, same bytes. At scale 1: 14,400 usage, 100,000 instance and 8,000 task rows.
    """
    machines = max(1, round(MACHINES * scale))
    incidents = _drawn_incidents(np.random.default_rng([seed, 0]), machines)
    tasks, lost = _batch_task_rows(np.random.default_rng([seed, 1]), machines * TASKS)
    tables = {
        "server_usage": _server_usage_rows(np.random.default_rng([seed, 2]), machines, incidents),
        "batch_instance": _batch_instance_rows(np.random.default_rng([seed, 3]), machines, incidents),
        "batch_task": tasks,
        "server_event": _server_event_rows(np.random.default_rng([seed, 4]), machines, incidents),
    }
    layout = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
    for name, table in tables.items():
        pyarrow.csv.write_csv(table.cast(_csv_schema(name)), folder / f"{name}.csv", layout)
    truth = {"incidents": [*_machine_incidents(incidents), *lost]}
    (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")


def _csv_schema(table: str) -> pa.Schema:
    """A table's columns with words written out."""
    return pa.schema((c, pa.string() if kind == ds1.WORD else kind) for c, kind in ds1.TABLES[table].items())


def _drawn_incidents(draw: np.random.Generator, machines: int) -> Incidents:
    """Draw machine, first slot and length (1 to 4 slots) of each incident, no two in one block."""
    blocks = SLOTS // BLOCK
    count = {kind: max(1, round(number * machines / MACHINES)) for kind, number in PLANTED.items()}
    kind = np.repeat(list(count), list(count.values()))[: machines * blocks]
    place = draw.choice(machines * blocks, len(kind), replace=False)
    length = draw.integers(1, BLOCK - 1, len(kind))
    first = place % blocks * BLOCK + 1 + draw.integers(0, BLOCK - 1 - length)
    return Incidents(kind, place // blocks, first, length)


def _machine_incidents(incidents: Incidents) -> list[Incident]:
    """The machines' incidents as truth.json has them; an error under load is two: its own slot, and the load's."""
    rows = zip(incidents.machine, incidents.slot, incidents.length, incidents.kind, strict=True)
    made = []
    for machine, slot, length, kind in sorted((int(m), int(s), int(n), str(k)) for m, s, n, k in rows):
        entity, start = f"m_{machine + 1}", BEGIN + slot * EVERY
        if kind in EVENT_OF:
            made.append(_incident(entity, start, EVERY, STATE[kind]))
        elif kind in STATE:
            made.append(_incident(entity, start, length * EVERY, STATE[kind]))
        if kind == LOADED:
            made.append(_incident(entity, start, length * EVERY, format_a.RESOURCE_EXHAUSTION))
    return made


def _incident(entity: str, start: int, seconds: int, state: int) -> Incident:
    begin = datetime.fromtimestamp(start, UTC)
    end = begin + timedelta(seconds=seconds)
    return {"entity": entity, "start": begin.isoformat(), "end": end.isoformat(), "state": state}


def _server_usage_rows(draw: np.random.Generator, machines: int, incidents: Incidents) -> pa.Table:
    """Every machine every 300 s: a level of its own, a slow wave, noise; one machine in ten idles below 15 %."""
    wave = 4 * np.sin(np.linspace(0, 2 * np.pi, SLOTS) + draw.uniform(0, 6, (machines, 1)))
    level = np.where(draw.random((machines, 1)) < 0.1, 8, draw.normal(38, 6, (machines, 1)).clip(20, 55))
    cpu = (level + wave + draw.normal(0, 3, wave.shape)).clip(1, 74)
    memory = (draw.uniform(35, 65, (machines, 1)) + draw.normal(0, 1.5, wave.shape)).clip(5, 76)
    for values, ranges in ((cpu, CPU_OF), (memory, MEMORY_OF)):
        for kind, (low, high) in ranges.items():
            machine, slot = _incident_slots(incidents.of(kind))
            values[machine, slot] = draw.uniform(low, high, len(slot))
    present = np.ones(cpu.shape, bool)
    present[_incident_slots(incidents.of("gap"))] = False
    machine, slot = np.nonzero(present)
    order = np.lexsort((machine, slot))
    machine, slot = machine[order], slot[order]
    load = cpu[machine, slot] * ds1.MACHINE_CORES / 100
    return _named_table(
        "server_usage",
        BEGIN + slot * EVERY,
        machine + 1,
        cpu[machine, slot].round(3),
        memory[machine, slot].round(3),
        draw.uniform(30, 60, len(slot)).round(3),
        *[(load * draw.uniform(0.8, 1.2, len(slot))).round(2) for _ in range(3)],
    )


def _incident_slots(incidents: Incidents) -> tuple[Array, Array]:
    """(machine, slot) of every slot of some incidents."""
    machine = np.repeat(incidents.machine, incidents.length)
    ends = np.cumsum(incidents.length)
    within = np.arange(len(machine)) - np.repeat(ends - incidents.length, incidents.length)
    return machine, np.repeat(incidents.slot, incidents.length) + within


def _within(draw: np.random.Generator, slot: Array) -> Array:
    """A second of each slot, never its first or last few."""
    return BEGIN + slot * EVERY + draw.integers(5, EVERY - 5, len(slot))


# Status of an instance and its share; Failed ones are planted apart. Running ones have no end, the last two no time.
INSTANCE_STATUS = {
    "Terminated": 0.9880,
    "Running": 0.0040,
    "Interupted": 0.0030,  # spelt as in the trace
    "Cancelled": 0.0010,
    "": 0.0005,
    "Ready": 0.0015,
    "Waiting": 0.0020,
}


def _batch_instance_rows(draw: np.random.Generator, machines: int, incidents: Incidents) -> pa.Table:
    """Short instances all over the machines, and one to four Failed ones in each slot of a crash or failure."""
    count = machines * INSTANCES
    status = draw.choice(list(INSTANCE_STATUS), count, p=list(INSTANCE_STATUS.values()))
    end = draw.integers(BEGIN, BEGIN + SLOTS * EVERY, count)
    start = end - draw.lognormal(3.3, 1.0, count).clip(1, 3_000).astype(int)
    early = draw.random(count) < 0.0005  # before the trace
    start[early], end[early] = -draw.integers(100, 900, early.sum()), -draw.integers(1, 99, early.sum())
    end[status == "Running"] = 0
    start[untimed := np.isin(status, ("Ready", "Waiting"))] = 0
    end[untimed] = 0
    failed_on, failed_slot = _incident_slots(incidents.of("crash", "failed under load"))
    times = draw.integers(1, 5, len(failed_slot))
    failed_on, failed_slot = np.repeat(failed_on, times), np.repeat(failed_slot, times)
    return _instance_rows(
        draw,
        np.concatenate([start, _within(draw, failed_slot)]),
        np.concatenate([end, np.zeros(len(failed_slot), int)]),
        np.concatenate([draw.integers(1, machines + 1, count), failed_on + 1]),
        np.concatenate([status, np.repeat("Failed", len(failed_slot))]),
    )


def _instance_rows(draw: np.random.Generator, start: Array, end: Array, machine: Array, status: Array) -> pa.Table:
    """Instances with ids and usage, in random order; one in thirty lacks usage, one in a hundred ids."""
    count = len(start)
    order = draw.permutation(count)
    cpu = draw.gamma(2, 0.25, count).clip(0.01, 12)
    memory = draw.lognormal(-5.3, 0.5, count).clip(0.0005, 0.1)
    unused, unnamed = draw.random(count) < 0.03, draw.random(count) < 0.01
    used = (cpu * draw.uniform(1, 2.5, count), cpu, memory * draw.uniform(1, 1.5, count), memory)
    return _named_table(
        "batch_instance",
        start[order],
        end[order],
        *[pa.array(draw.integers(1, high, count), mask=unnamed) for high in (13_000, 90_000)],
        machine[order],
        status[order],
        np.ones(count, int),
        np.ones(count, int),
        *[pa.array(values.round(6), mask=unused) for values in used],
    )


# The real table's shares of 80,553 rows; how long a Waiting task waited, 10 s and on; what an instance asked for.
TASK_STATUS = {"Terminated": 0.8319, "Waiting": 0.1098, "Running": 0.0443, "Failed": 0.0140}
WAITS = {10: 0.30, 11: 0.44, 12: 0.08, 13: 0.05, 14: 0.05, 16: 0.04, 18: 0.03, 21: 0.01}
LONG_WAITS = 0.007  # of all waits, so less than one in a hundred
LIMIT_WAITS = 0.020  # near misses: they reach the 99th percentile and do not pass it
LIMIT_WAIT = 60  # seconds
REQUESTS = {50: 0.740, 100: 0.246, 40: 0.006, 75: 0.004, 200: 0.002, 400: 0.001, 800: 0.001}
TASKS_OF_A_JOB = 6


def _batch_task_rows(draw: np.random.Generator, count: int) -> tuple[pa.Table, list[Incident]]:
    """Tasks with their requests, and the incidents among them: failed ones, and ones that waited too long."""
    status = draw.choice(list(TASK_STATUS), count, p=list(TASK_STATUS.values()))
    made = draw.integers(1, DAY, count)
    lasted = draw.lognormal(3.4, 1.2, count).clip(1, 3_000).astype(int)
    waiting = np.flatnonzero(status == "Waiting")
    lasted[waiting] = draw.choice(list(WAITS), len(waiting), p=list(WAITS.values()))
    long, limit = int(len(waiting) * LONG_WAITS), int(np.ceil(len(waiting) * LIMIT_WAITS))
    lasted[waiting[:long]] = draw.integers(300, 1_200, long)
    lasted[waiting[long : long + limit]] = LIMIT_WAIT
    end = made + lasted
    end[(status == "Running") & (draw.random(count) < 0.06)] = 0
    early = (status == "Terminated") & (draw.random(count) < 0.0015)  # before the trace
    made[early], end[early] = -draw.integers(100, 900, early.sum()), -draw.integers(1, 99, early.sum())
    job, task = np.arange(count) // TASKS_OF_A_JOB + 1, np.arange(count) + 1
    rows = _named_table(
        "batch_task",
        made,
        end,
        job,
        task,
        draw.geometric(0.02, count),
        status,
        pa.array(draw.choice(list(REQUESTS), count, p=list(REQUESTS.values())), mask=status == "Waiting"),
        pa.array(draw.lognormal(-5.1, 0.5, count).clip(0.0027, 0.13).round(9), mask=status == "Waiting"),
    )
    lost = np.union1d(np.flatnonzero(status == "Failed"), waiting[:long])
    return rows, [_incident(f"j_{job[n]}/t_{task[n]}", int(end[n]), 1, format_a.DATA_DRIFT) for n in lost]


def _server_event_rows(draw: np.random.Generator, machines: int, incidents: Incidents) -> pa.Table:
    """Every machine is added at 0; errors lie in the middle of their incident's slot."""
    errors = incidents.of(*EVENT_OF)
    time = np.concatenate([np.zeros(machines, int), _within(draw, errors.slot)])
    machine = np.concatenate([np.arange(machines), errors.machine]) + 1
    kinds = [EVENT_OF[kind] for kind in errors.kind]
    types = ["add"] * machines + [kind for kind, _ in kinds]
    details = [""] * machines + [str(draw.choice(details)) for _, details in kinds]
    blank = np.arange(len(time)) >= machines  # an error has no capacities
    capacity = [pa.array(np.full(len(time), value), mask=blank) for value in (ds1.MACHINE_CORES, 0.690, 1.0)]
    return _named_table("server_event", time, machine, types, details, *capacity)


def _named_table(name: str, *columns: Any) -> pa.Table:
    return pa.table(list(columns), names=list(ds1.TABLES[name]))
