"""A generated sample of system logs: five logs of two days in LogHub's layouts, and truth.json with what was planted.

Incidents are planted without asking a label rule, so truth.json can measure the rules. Words and values are our own.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from schemas.format_a import Incident, Truth

WINDOW = 300  # seconds; incidents fill whole windows of the clock
DAYS = 2
LINES = 20_000  # a system, at scale 1
INCIDENTS = 12  # of each state, a system, at scale 1


@dataclass(frozen=True)
class SampleLog:
    """One system's log: templates of its lines, of ordinary days and of each state of an incident.

    Most lines are `normal`; a line of `near_misses` sounds like a failure and is none; `security` is none of the five
    states. A line is rendered from `{placeholders}` (see Values); a line end in it begins a continuation line.
    """

    system: str
    file: str
    begin: datetime
    stamp: Callable[[float], str]
    normal: tuple[str, ...]
    near_misses: tuple[str, ...]
    security: tuple[str, ...]
    incidents: dict[int, tuple[str, ...]]
    newline: str = "\n"


class Values(dict[str, str]):
    """Fresh random values for the placeholders of a line; what is set with `values[...] = ...` stays."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng

    def __missing__(self, name: str) -> str:
        rng = self._rng
        if name.startswith("n"):  # n, n2: a number
            return str(rng.randrange(1, 100_000))
        if name == "ip":
            return f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
        return rng.choice(WORDS[name])


WORDS = {
    "user": ("ada", "grace", "linus", "barbara", "root", "backup", "deploy", "edsger"),
    "path": ("/srv/sales/2024/part", "/srv/clicks/raw", "/models/ranker", "/stage/out", "/home/ada/in"),
    "dev": ("sda", "sdb", "sdc"),
    "daemon": ("crond", "sshd", "nginx", "postfix", "chronyd", "ntpd"),
    "nic": ("eth0", "eth1", "bond0"),
    "queue": ("batch", "online", "research"),
    "program": ("indexer", "ranker", "java", "trainer", "postgres"),
}


def _syslog_stamp(at: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%b} {moment.day:2d} {moment:%H:%M:%S}"


def _epoch_stamp(at: float) -> str:
    return str(int(at))


def _hdfs_stamp(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%y%m%d %H%M%S}"


def _log4j_stamp(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S},{int(at * 1000) % 1000:03d}"


def _spark_stamp(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%y/%m/%d %H:%M:%S}"


LINUX = SampleLog(
    system="linux",
    file="Linux.log",
    begin=datetime(2005, 12, 31, tzinfo=UTC),  # 2005 is the default year of a log without one; rolls over at midnight
    stamp=_syslog_stamp,
    normal=(
        "{at} {host} sshd[{n}]: Accepted publickey for {user} from {ip} port {n2} ssh2",
        "{at} {host} sshd(pam_unix)[{n}]: session opened for user {user} by (uid=0)",
        "{at} {host} sshd(pam_unix)[{n}]: session closed for user {user}",
        "{at} {host} crond[{n}]: ({user}) CMD (/usr/local/bin/rotate {path})",
        "{at} {host} systemd: Started session {n} of user {user}.",
        "{at} {host} {daemon}: {daemon} startup succeeded",
        "{at} {host} kernel: {nic}: link up, 1000 Mbps, full duplex",
        "{at} {host} chronyd[{n}]: selected source {ip}",
        "{at} {host} postfix/qmgr[{n}]: {n2}: removed",
    ),
    near_misses=(
        "{at} {host} fsck: {dev}1: clean, {n} files, 0 errors found",
        "{at} {host} sshd[{n}]: client alive timeout set to 300",
        "{at} {host} kernel: audit: backlog limit {n}, 0 lost",
        "{at} {host} nfsd[{n}]: reconnected to {ip} after connection reset, mount restored",
        "{at} {host} kernel: oom killer disabled for process {n}",
        "{at} {host} showroom[{n}]: headroom in hall {n2} is ample",
    ),
    security=(
        "{at} {host} sshd[{n}]: Failed password for {user} from {ip} port {n2} ssh2",
        "{at} {host} sshd(pam_unix)[{n}]: authentication failure; logname= uid=0 tty=ssh rhost={ip} user={user}",
        "{at} {host} sudo: {user} : command not allowed to run as root ; TTY=pts/1",
    ),
    incidents={
        1: (
            "{at} {host} kernel: Out of memory: Killed process {n} ({program}).",
            "{at} {host} kernel: {program} invoked oom-killer: order=0, adj=0",
            "{at} {host} {program}[{n}]: fork: Cannot allocate memory",
            "{at} {host} {daemon}[{n}]: accept failed: Too many open files",
        ),
        2: (
            "{at} {host} kernel: Kernel panic - not syncing: fatal exception in interrupt",
            "{at} {host} kernel: {program}[{n}]: segfault at 0 ip 00007f sp 00007e error 4",
            "{at} {host} kernel: end_request: I/O error, dev {dev}, sector {n}",
            "{at} {host} {daemon}[{n}]: write {path}: No space left on device",
            "{at} {host} kernel: BUG: soft lockup - CPU#3 stuck for 22s! [{program}:{n}]",
        ),
        3: (
            "{at} {host} {daemon}[{n}]: connect to {ip}:{n2} failed: Connection refused",
            "{at} {host} kernel: nfs: server {ip} not responding, still trying",
            "{at} {host} kernel: {nic}: NIC Link is Down",
            "{at} {host} {daemon}[{n}]: read from {ip}: Connection timed out",
        ),
        4: (
            "{at} {host} loader[{n}]: checksum mismatch in {path}-{n2}.csv",
            "{at} {host} loader[{n}]: malformed record at line {n2} of {path}.csv",
            "{at} {host} rsync[{n}]: {path}: file corrupted in transit, verification failed",
        ),
    },
)
HPC = SampleLog(
    system="hpc",
    file="HPC.log",
    begin=datetime(2006, 3, 4, tzinfo=UTC),
    stamp=_epoch_stamp,
    newline="\r\n",
    normal=(
        "{n} {host} unix.hw net.niff.up {at} 1 interface {nic} is available on network {ip}",
        "{n} {host} node temperature {at} 1 ambient={n2}",
        "{n} {host} node fan {at} 1 Fan speeds ( {n2} 3534 3375 )",
        "{n} {host} gige temperature {at} 1 normal",
        "{n} {host} action start {at} 1 boot  (command {n2})",
        "{n} {host} action success {at} 1 Command has completed successfully",
        "{n} {host} partition status {at} 1 running",
    ),
    near_misses=(
        "{n} {host} unix.hw mem.corrected {at} 1 memory error corrected at address {n2}",
        "{n} {host} switch_module status {at} 1 Link ok",
        "{n} {host} boot_cmd success {at} 1 self test passed, no failures detected",
        "{n} {host} action success {at} 1 recovered from link error, traffic restored",
    ),
    security=("{n} {host} console login {at} 1 login incorrect for {user} on console {n2}",),
    incidents={
        1: (
            "{n} {host} unix.mem oom {at} 1 out of memory: job {n2} exceeds its share",
            "{n} {host} unix.mem swap {at} 1 swap space exhausted, {n2} pages wanted",
        ),
        2: (
            "{n} {host} node psu {at} 1 power supply failure, ambient={n2}",
            "{n} {host} unix.hw panic {at} 1 panic: bad trap on cpu {n2}",
            "{n} {host} clusterfilesystem full {at} 1 ClusterFileSystem: domain scratch{n2} is full",
            "{n} {host} boot_cmd error {at} 1 boot (command {n2}) Error: HALT asserted, cannot continue",
        ),
        3: (
            "{n} {host} switch_module error {at} 1 Link error on port {n2}",
            "{n} {host} node status {at} 0 not responding",
            "{n} {host} unix.hw net.niff.down {at} 1 node {host} lost its network connection on {ip}",
        ),
        4: (
            "{n} {host} tape read {at} 1 block {n2}: CRC error while reading archive",
            "{n} {host} stage in {at} 1 could not read input deck {path}.{n2}",
        ),
    },
)
HDFS = SampleLog(
    system="hdfs",
    file="HDFS.log",
    begin=datetime(2009, 5, 6, tzinfo=UTC),
    stamp=_hdfs_stamp,
    normal=(
        "{at} {n} INFO dfs.FSNamesystem: BLOCK* NameSystem.allocateBlock: {path}-{n2}. {block}",
        "{at} {n} INFO dfs.DataNode$DataXceiver: Receiving block {block} src: /{ip}:{n2} dest: /{ip}:50010",
        "{at} {n} INFO dfs.DataNode$PacketResponder: PacketResponder 1 for block {block} terminating",
        "{at} {n} INFO dfs.DataNode$PacketResponder: Received block {block} of size {n2} from /{ip}",
        "{at} {n} INFO dfs.FSNamesystem: BLOCK* NameSystem.addStoredBlock: {ip}:50010 is added to {block}",
        "{at} {n} INFO dfs.DataNode$DataXceiver: {ip}:50010 Served block {block} to /{ip}",
    ),
    near_misses=(
        "{at} {n} INFO dfs.DataBlockScanner: Verification succeeded for {block}",
        "{at} {n} INFO dfs.DataNode: {block} copied again to {ip}, 0 errors, 0 checksum failures",
        "{at} {n} INFO dfs.FSDataset: Deleting block {block} file {path}/{block}",
    ),
    security=("{at} {n} WARN dfs.DataNode$DataXceiver: Access denied: user={user} has no read access to {block}",),
    incidents={
        1: (
            "{at} {n} ERROR dfs.DataNode: {block}: receiver ended\njava.lang.OutOfMemoryError: heap\n\tat Node.run:7",
            "{at} {n} WARN dfs.DataNode: cannot allocate buffer of {n2} bytes for {block}",
        ),
        2: (
            "{at} {n} ERROR dfs.FSDataset: disk {path} failed while writing {block}",
            "{at} {n} WARN dfs.DataNode: {block} not written: No space left on device",
            "{at} {n} ERROR dfs.DFSClient: Could not obtain block {block}: no live nodes contain it",
        ),
        3: (
            "{at} {n} WARN dfs.DataNode$DataXceiver: {block} to mirror {ip}: java.net.SocketException: Broken pipe",
            "{at} {n} WARN dfs.DataNode: writing {block}: java.net.SocketTimeoutException: {n2} millis passed",
            "{at} {n} INFO dfs.DataNode$DataXceiver: Exception in receiveBlock for {block} Connection reset by peer",
        ),
        4: (
            "{at} {n} WARN dfs.DataBlockScanner: Verification failed for {block}",
            "{at} {n} ERROR dfs.DFSClient: Checksum error: {block} at {n2}",
        ),
    },
)
HADOOP = SampleLog(
    system="hadoop",
    file="Hadoop.log",
    begin=datetime(2016, 7, 8, tzinfo=UTC),
    stamp=_log4j_stamp,
    normal=(
        "{at} INFO [AsyncDispatcher] mr.app.TaskImpl: task_{n} on {who} Transitioned from SCHEDULED to RUNNING",
        "{at} INFO [IPC Server handler 4] mr.app.Listener: Progress of task_{n} in {who} is : 0.{n2}",
        "{at} INFO [ContainerLauncher #1] mr.app.Launcher: Launching attempt_{n} for {who}",
        "{at} INFO [main] mr.app.Assigner: Assigned {who} to attempt_{n} of queue {queue}",
        "{at} INFO [AsyncDispatcher] mr.app.TaskImpl: Task succeeded with attempt_{n} in {who}",
    ),
    near_misses=(
        "{at} INFO [RM Allocator] mr.app.Allocator: Recalculating schedule for {who}, headroom=<memory:0, vCores:0>",
        "{at} INFO [IPC Client] ipc.Client: {who}: Retrying connect to server: {ip}:8030. Already tried 0 time(s)",
        "{at} INFO [main] mr.app.JobImpl: {who}: {n} tasks done, 0 failed, 0 killed",
        "{at} INFO [main] mr.app.Settings: {who}: mapreduce.task.timeout = 600000",
    ),
    security=(
        "{at} WARN [IPC Server handler 2] ipc.Server: {who}: Auth failed for {user} from {ip}",
        "{at} WARN [main] fs.Permission: {who}: Permission denied: user={user}, access=WRITE, inode={path}",
    ),
    incidents={
        1: (
            "{at} FATAL [main] mapred.Child: {who} ends\njava.lang.OutOfMemoryError: GC overhead\n\tat Child.run:{n}",
            "{at} WARN [Monitor] nm.Monitor: {who} is running beyond physical memory limits, {n} MB used",
        ),
        2: (
            "{at} ERROR [main] mr.app.TaskImpl: attempt_{n} in {who} Transitioned from RUNNING to FAILED",
            "{at} WARN [Launcher] nm.Executor: {who} exited with a non-zero exit code {n}",
            "{at} ERROR [eventHandler] mr.History: {who}: uncaught exception, history writer stops",
            "{at} ERROR [main] mr.app.JobImpl: {who}: Job job_{n} failed: too many failed tasks",
        ),
        3: (
            "{at} WARN [LeaseRenewer] hdfs.LeaseRenewer: {who}: Failed to renew lease for {n} seconds",
            "{at} ERROR [RM Communicator] mr.app.rm.Communicator: {who}: ERROR IN CONTACTING RM.",
            "{at} WARN [fetcher#3] shuffle.Fetcher: {who}: java.net.NoRouteToHostException from {ip}",
        ),
        4: (
            "{at} ERROR [main] mapred.LineReader: {who}: could not read input split {n} of {path}",
            "{at} WARN [fetcher#1] shuffle.Fetcher: {who}: checksum of map output {n} does not match, mismatch at {n2}",
            "{at} ERROR [main] avro.Reader: {who}: schema mismatch in {path}",
        ),
    },
)
SPARK = SampleLog(
    system="spark",
    file="Spark.log",
    begin=datetime(2018, 9, 10, tzinfo=UTC),
    stamp=_spark_stamp,
    normal=(
        "{at} INFO executor.Executor: Running task {n}.0 in stage {n2}.0 on {who}",
        "{at} INFO executor.Executor: Finished task {n}.0 in stage {n2}.0 on {who}. 1890 bytes result sent to driver",
        "{at} INFO storage.BlockManager: Found block rdd_{n}_{n2} locally in {who}",
        "{at} INFO python.PythonRunner: Times in {who}: total = {n}, boot = 12, init = 30, finish = 2",
        "{at} INFO rdd.HadoopRDD: Input split for {who}: hdfs://{ip}:9000{path}+{n}",
    ),
    near_misses=(
        "{at} INFO storage.MemoryStore: Block broadcast_{n} stored in memory of {who} (estimated size {n2} B)",
        "{at} INFO scheduler.TaskSet: {who}: 0 tasks failed in stage {n}.0",
        "{at} INFO client.TransportClient: {who}: reconnected after timeout, transfer {n} completed successfully",
        "{at} INFO spark.Conf: {who}: spark.network.timeout is 120s",
    ),
    security=("{at} WARN spark.SecurityManager: {who}: user {user} is not authorized to modify stage {n}",),
    incidents={
        1: (
            "{at} ERROR executor.Executor: task {n}.0 on {who}: java.lang.OutOfMemoryError: Java heap space",
            "{at} WARN storage.MemoryStore: {who}: Not enough space to cache rdd_{n} in memory",
        ),
        2: (
            "{at} ERROR cluster.Scheduler: Lost executor {n} of {who}: worker died",
            "{at} ERROR scheduler.TaskSet: Task {n} in stage {n2}.0 of {who} failed 4 times; aborting job",
            "{at} WARN storage.DiskStore: {who}: no space left on device {path}",
        ),
        3: (
            "{at} ERROR shuffle.RetryingFetcher: {who}: Failed to connect to {ip}:{n}",
            "{at} WARN rpc.Heartbeats: {who}: no heartbeat for {n} ms, request timed out",
            "{at} ERROR client.TransportClient: {who}: Connection from {ip}:{n} reset by peer",
        ),
        4: (
            "{at} ERROR datasources.Parquet: {who}: corrupt page header in {path}-{n}",
            "{at} WARN datasources.Csv: {who}: malformed row {n}, schema mismatch",
        ),
    },
)
LOGS = (LINUX, HPC, HDFS, HADOOP, SPARK)


def sample(folder: Path, seed: int, scale: float) -> None:
    """Write five logs of DAYS days, about LINES * scale lines each, and truth.json with the incidents planted in them.

    Linux: hosts; HPC: nodes, in CRLF; HDFS: blocks; Hadoop and Spark: YARN containers beside the process itself.
    """
    incidents: list[Incident] = []
    for log in LOGS:
        rng = random.Random(f"{seed}/{log.system}")
        lines, planted = _log_lines(log, rng, scale)
        text = "".join(line.text.replace("\n", log.newline) + log.newline for line in sorted(lines, key=_line_time))
        (folder / log.file).write_bytes(text.encode())
        incidents += planted
    truth: Truth = {"incidents": incidents}
    (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")


class Line(NamedTuple):
    """One line of a log, and its time in epoch seconds."""

    time: float
    text: str


def _line_time(line: Line) -> float:
    return line.time


def _log_lines(log: SampleLog, rng: random.Random, scale: float) -> tuple[list[Line], list[Incident]]:
    """The lines of a whole log, unsorted, and its incidents."""
    entities = _log_entities(log, rng, scale)
    lines = [line for entity in entities for line in _ordinary_lines(log, rng, entity)]
    planted: list[Incident] = []
    free = [(entity, start) for entity in entities for start in range(entity.first, entity.last, 3 * WINDOW)]
    states = [state for state in sorted(log.incidents) for _ in range(max(1, round(INCIDENTS * scale)))]
    for state, (entity, start) in zip(states, rng.sample(free, min(len(states), len(free))), strict=False):
        evidence, incident = _incident(log, rng, entity, state, start)
        lines += evidence
        planted.append(incident)
    return lines, planted


@dataclass(frozen=True)
class Entity:
    """One host, block or container: values in its lines, when it lives (epoch seconds, on window boundaries)."""

    name: str
    values: tuple[tuple[str, str], ...]
    first: int
    last: int
    lines: int


def _log_entities(log: SampleLog, rng: random.Random, scale: float) -> list[Entity]:
    """The entities of a log: hosts, nodes, blocks, or a process and its containers."""
    begin = int(log.begin.timestamp())
    whole = (begin, begin + DAYS * 86_400)
    total = max(200, round(LINES * scale))
    if log.system in {"linux", "hpc"}:
        count = max(2, total // (3_000 if log.system == "linux" else 500))
        names = [f"mars{at}" if log.system == "linux" else f"node-{at}" for at in range(count)]
        return [Entity(f"{log.system}/{name}", (("host", name),), *whole, total // count) for name in names]
    if log.system == "hdfs":
        return [
            _short_lived(log, rng, whole, ("block", f"blk_{rng.getrandbits(62) - 2**61}"), 1, 10)
            for _ in range(total // 10)
        ]
    process = Entity(f"{log.system}/{Path(log.file).stem}", (("who", "the driver"),), *whole, total // 2)
    job = f"container_{begin}_{rng.randrange(1, 10_000):04d}_01_"
    containers = [_short_lived(log, rng, whole, ("who", f"{job}{at:06d}"), 8, 100) for at in range(total // 200)]
    return [process, *containers]


def _short_lived(
    log: SampleLog, rng: random.Random, whole: tuple[int, int], named: tuple[str, str], windows: int, lines: int
) -> Entity:
    """An entity that lives for a number of windows somewhere within the log. `named`: placeholder and value."""
    first = rng.randrange(whole[0], whole[1] - (windows + 1) * WINDOW, WINDOW)
    return Entity(f"{log.system}/{named[1]}", (named,), first, first + windows * WINDOW, lines)


def _ordinary_lines(log: SampleLog, rng: random.Random, entity: Entity) -> Iterator[Line]:
    """An entity's lines without incident: mostly normal ones, some that only sound like failures, some of security."""
    for _ in range(entity.lines):
        kind = rng.random()
        phrases = log.security if kind > 0.98 else log.near_misses if kind > 0.93 else log.normal
        yield _sample_line(log, rng, entity, phrases, entity.first, entity.last)


def _incident(
    log: SampleLog, rng: random.Random, entity: Entity, state: int, start: int
) -> tuple[list[Line], Incident]:
    """One to five lines of evidence in each of one or two windows of the clock."""
    windows = rng.choice((1, 1, 2))
    lines = [
        _sample_line(log, rng, entity, log.incidents[state], start + at * WINDOW, start + (at + 1) * WINDOW)
        for at in range(windows)
        for _ in range(rng.randint(1, 5))
    ]
    begin, end = datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(start + windows * WINDOW, UTC)
    return lines, {"entity": entity.name, "start": begin.isoformat(), "end": end.isoformat(), "state": state}


def _sample_line(
    log: SampleLog, rng: random.Random, entity: Entity, phrases: tuple[str, ...], first: int, last: int
) -> Line:
    """A line at a random moment in [first, last)."""
    at = rng.randrange(first * 1_000, last * 1_000) / 1_000
    values = Values(rng)
    values.update(entity.values)
    values["at"] = log.stamp(at)
    return Line(at, rng.choice(phrases).format_map(values))
