"""How well and how fast `tasks.pipelines.ds2_loghub.templates` mines: `python -m tests.benchmarks.bench_templates quality|speed|thresholds`.

`quality`: grouping accuracy on the five real LogHub samples beside the published Drain floor, and on invented systems.
`speed`: lines a second on 1,000,000 real lines beside Drain3 in the same run, growth from 250,000 to 2,000,000 lines.
`thresholds`: each threshold moved alone, and the five systems left out one at a time.

Real files come from `$AUTOMEND_REAL_DATA` or `<repository>/../shared/data`; without them the real part is left out,
which is said, and the exit code is 0. Times are meant as ratios: a machine shared with others has no absolute speed.
"""

import itertools
import json
import os
import random
import re
import resource
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, median

import polars as pl

from tasks.pipelines.ds2_loghub import templates

Sample = tuple[pl.Series, pl.Series]  # messages; for each, the event it is an instance of
Draw = Callable[[random.Random], str]

# Grouping accuracy of Drain on these samples: Zhu et al., "Tools and Benchmarks for Automated Log Parsing", ICSE 2019.
DRAIN_FLOOR = {"HDFS": 0.9975, "Hadoop": 0.9475, "Spark": 0.920, "HPC": 0.887, "Linux": 0.690}
REDRAW_SEED = 3


# --- measuring -------------------------------------------------------------------------------------------------------


def grouping_accuracy(predicted: pl.Series, truth: pl.Series) -> float:
    """Share of lines whose predicted group is exactly the set of lines of their true group."""
    sizes = pl.DataFrame({"p": predicted, "t": truth}).select(
        predicted=pl.len().over("p"), true=pl.len().over("t"), both=pl.len().over("p", "t")
    )
    return sizes.select(((pl.col("predicted") == pl.col("both")) & (pl.col("true") == pl.col("both"))).mean()).item()


def accuracy(sample: Sample) -> float:
    """Grouping accuracy of our miner on one sample."""
    messages, events = sample
    return grouping_accuracy(templates.mine_polars(messages)["template_id"], events)


def data_folder() -> Path:
    """Where the real samples are looked for."""
    default = Path(__file__).resolve().parents[3] / "shared" / "data"
    return Path(os.environ.get("AUTOMEND_REAL_DATA", default)) / "loghub" / "2k"


def real_samples() -> dict[str, Sample]:
    """Messages (the raw line without its header) and true events of the five systems; empty without the files."""
    samples = {}
    for system in DRAIN_FLOOR:
        file = data_folder() / system / f"{system}_2k.log_structured.csv"
        if file.is_file():
            table = pl.read_csv(file, infer_schema_length=0)
            samples[system] = (table["Content"].fill_null(""), table["EventId"])
    return samples


# --- invented systems: shapes of lines such as they are written anywhere, words and values our own -------------------


def _letters(r: random.Random, alphabet: str, length: int) -> str:
    return "".join(r.choices(alphabet, k=length))


HEX = "0123456789abcdef"
PEOPLE = "amara bilal chiara dmitri elif farid greta hiro ines jonas kavya lwazi mateo noor oskar priya".split()
SERVICES = (
    "basket-api checkout ledger-writer mailer search-index thumbnailer auth-proxy rate-limiter stock-sync".split()
)
REGIONS = "eu-north us-east ap-south sa-west af-central me-gulf".split()
PLACES = "oslo lima accra hanoi quito turin".split()
PACKAGES = "org.lumen.notes org.lumen.clock net.pebble.maps net.pebble.mail io.heron.player io.heron.scan".split()
CLASSES = "MergeTask SpillWriter FetchClient IndexReader BlockPruner QuotaKeeper HeapSampler".split()
TABLES = "stock carts invoices parcels sessions refunds couriers".split()
MONTHS = ("Feb", "May", "Oct")
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15) AppleWebKit/605.1 (KHTML, like Gecko) Safari/605.1",
    "kube-probe/1.29",
    "curl/8.5.0",
)

VALUES: dict[str, Draw] = {
    "n": lambda r: str(r.randint(0, 64)),
    "big": lambda r: str(r.randint(1_000, 99_999_999)),
    "float": lambda r: f"{r.uniform(0, 500):.{r.randint(1, 3)}f}",
    "dur": lambda r: f"{r.uniform(0.1, 900):.1f}{r.choice(['ms', 's', 'us'])}",
    "size": lambda r: f"{r.uniform(1, 900):.1f} {r.choice(['B', 'KB', 'MB', 'GB'])}",
    "hex": lambda r: "0x" + _letters(r, HEX, r.choice([4, 8, 12])),
    "id": lambda r: _letters(r, HEX, 12),
    "uuid": lambda r: "-".join(_letters(r, HEX, k) for k in (8, 4, 4, 4, 12)),
    "ip": lambda r: ".".join(str(r.randint(1, 254)) for _ in range(4)),
    "port": lambda r: str(r.randint(1024, 65535)),
    "mac": lambda r: ":".join(_letters(r, HEX, 2) for _ in range(6)),
    "host": lambda r: f"{r.choice(PLACES)}-{r.choice(['web', 'db', 'gpu'])}{r.randint(1, 40)}.dc.example.net",
    "site": lambda r: f"{r.choice(['www', 'mx', 'cdn', 'mail'])}.{r.choice(PLACES)}.example.{r.choice(['org', 'net'])}",
    "user": lambda r: r.choice(PEOPLE),
    "users": lambda r: ", ".join(sorted(r.sample(PEOPLE, r.randint(1, 3)))),
    "mail": lambda r: f"{r.choice(PEOPLE)}@{r.choice(PLACES)}.example.org",
    "service": lambda r: r.choice(SERVICES),
    "region": lambda r: r.choice(REGIONS),
    "place": lambda r: r.choice(PLACES),
    "package": lambda r: r.choice(PACKAGES),
    "class": lambda r: r.choice(CLASSES),
    "table": lambda r: r.choice(TABLES),
    "currency": lambda r: r.choice(["EUR", "USD", "NOK"]),
    "probe": lambda r: r.choice(["liveness", "readiness"]),
    "resource": lambda r: r.choice(["memory", "disk"]),
    "pod": lambda r: (
        f"{r.choice(SERVICES)}-{_letters(r, '0123456789bcdf', 9)}-{_letters(r, string.ascii_lowercase, 5)}"
    ),
    "path": lambda r: (
        "/" + "/".join(r.choices(["srv", "data", "spool", "tmp"], k=3)) + r.choice(["", "/9.dat", "/a.json"])
    ),
    "url": lambda r: (
        f"https://{r.choice(PLACES)}.example.org/v{r.randint(1, 3)}/{r.choice(TABLES)}"
        + r.choice(["", f"?page={r.randint(1, 9)}&by={r.choice(PEOPLE)}"])
    ),
    "route": lambda r: f"/{r.choice(TABLES)}" + r.choice(["", f"/{r.randint(1, 99)}", f"?by={r.choice(PEOPLE)}&n=2"]),
    "agent": lambda r: r.choice(AGENTS),
    "stamp": lambda r: f"2024-0{r.randint(1, 9)}-{r.randint(10, 28)}T{r.randint(10, 23)}:{r.randint(10, 59)}:10Z",
    "clock": lambda r: f"{r.randint(10, 23)}:{r.randint(10, 59)}:{r.randint(10, 59)}",
    "day": lambda r: (
        f"{r.choice(['Mon', 'Sat'])} {r.choice(MONTHS)} {r.randint(1, 28):2d} {r.randint(10, 23)}:15:00 2024"
    ),
    "clf": lambda r: f"{r.randint(10, 28)}/{r.choice(MONTHS)}/2024:{r.randint(10, 23)}:15:07 +0{r.randint(0, 9)}00",
    "iface": lambda r: f"TenGig{r.randint(0, 3)}/{r.randint(0, 2)}/{r.randint(0, 47)}",
    "blobs": lambda r: ", ".join(f"blob_{r.randint(100, 99999)}" for _ in range(r.randint(1, 6))),
    "query": lambda r: " ".join(r.sample(TABLES + PEOPLE + PLACES, r.randint(1, 5))),
    "note": lambda r: f"{r.choice(['Scaled', 'Created'])} {r.choice(SERVICES)} for " + ", ".join(r.sample(TABLES, 3)),
}

# One shape a line. `[a|b]` makes one event per choice: states, methods, errors, which a reader wants apart.
SYSTEMS: dict[str, str] = {
    "shop (logfmt)": """
level=info ts={stamp} caller=cart/price.go:118 msg="basket priced" basket={id} items={n} total={float} took={dur}
level=info ts={stamp} caller=cart/price.go:131 msg="voucher applied" basket={id} voucher=SPRING{n} user={user}
level=info ts={stamp} caller=http/serve.go:54 msg="request served" method=[GET|POST|DELETE] path={route} status={n} took={dur}
level=warn ts={stamp} caller=http/serve.go:77 msg="slow request" path={route} took={dur} limit={dur}
level=error ts={stamp} caller=store/pool.go:203 msg="connection lost" peer={ip}:{port} err="[broken pipe|i/o timeout|connection refused|no route to host|use of closed network connection]"
level=info ts={stamp} caller=store/pool.go:88 msg="connection opened" peer={ip}:{port} pool={n}
level=debug ts={stamp} caller=stock/sync.go:19 msg="stock refreshed" region={region} rows={big} took={dur}
level=warn ts={stamp} caller=stock/sync.go:40 msg="stock row skipped" region={region} sku={id} reason=[negative|unknown|stale]
level=info ts={stamp} caller=auth/login.go:66 msg="user signed in" user={user} from={ip}
level=warn ts={stamp} caller=auth/login.go:71 msg="password rejected" user={user} from={ip} tries={n}
level=info ts={stamp} caller=main.go:31 msg="[starting|ready|draining|stopped]" version=v{n}.{n}.{n}
level=error ts={stamp} caller=pay/charge.go:150 msg="charge declined" order={big} card=visa-{n} code={n}
level=info ts={stamp} caller=pay/charge.go:162 msg="charge captured" order={big} amount={float}
level=info ts={stamp} caller=mail/send.go:12 msg="receipt queued" to={mail} order={big}
""",
    "bank (json)": """
{"ts":"{stamp}","level":"info","msg":"transfer booked","account":"{id}","amount":{float},"region":"{region}"}
{"ts":"{stamp}","level":"info","msg":"transfer settled","account":"{id}","amount":{float},"region":"{region}"}
{"ts":"{stamp}","level":"warn","msg":"limit nearly reached","account":"{id}","used":{n}}
{"ts":"{stamp}","level":"error","msg":"transfer refused","account":"{id}","reason":"[insufficient funds|account frozen|limit exceeded]"}
{"ts":"{stamp}","level":"info","msg":"session opened","user":"{user}","ip":"{ip}","mfa":{n}}
{"ts":"{stamp}","level":"info","msg":"session closed","user":"{user}","ip":"{ip}","mfa":{n}}
{"ts":"{stamp}","level":"debug","msg":"cache [hit|miss|evicted]","key":"acct:{id}","shard":{n}}
{"ts":"{stamp}","level":"info","msg":"batch started","job":"{uuid}","rows":{big}}
{"ts":"{stamp}","level":"info","msg":"batch finished","job":"{uuid}","rows":{big},"took_ms":{n}}
{"ts":"{stamp}","level":"error","msg":"batch failed","job":"{uuid}","err":"row {n}: bad currency code"}
{"ts":"{stamp}","level":"info","msg":"rate refreshed","from":"{currency}","to":"CHF","value":{float}}
{"ts":"{stamp}","level":"warn","msg":"queue is long","queue":"{table}","depth":{big}}
""",
    "api (json, fixed keys)": """
{"time":"{stamp}","severity":"INFO","logger":"api.pool","message":"worker pool started","trace":"{id}","pid":{n}}
{"time":"{stamp}","severity":"INFO","logger":"api.pool","message":"worker pool drained","trace":"{id}","pid":{n}}
{"time":"{stamp}","severity":"INFO","logger":"api.route","message":"route table loaded","trace":"{id}","pid":{n}}
{"time":"{stamp}","severity":"WARN","logger":"api.route","message":"route not found","trace":"{id}","pid":{n}}
{"time":"{stamp}","severity":"WARN","logger":"api.quota","message":"tenant over quota","trace":"{id}","pid":{n}}
{"time":"{stamp}","severity":"ERROR","logger":"api.store","message":"disk nearly full","trace":"{id}","pid":{n}}
{"time":"{stamp}","severity":"ERROR","logger":"api.store","message":"index file corrupt","trace":"{id}","pid":{n}}
{"time":"{stamp}","severity":"INFO","logger":"api.store","message":"snapshot written","trace":"{id}","pid":{n}}
{"time":"{stamp}","severity":"INFO","logger":"api.store","message":"snapshot removed","trace":"{id}","pid":{n}}
{"time":"{stamp}","severity":"INFO","logger":"api.store","message":"compaction done","trace":"{id}","pid":{n}}
{"time":"{stamp}","severity":"DEBUG","logger":"api.auth","message":"token refreshed","trace":"{id}","pid":{n}}
{"time":"{stamp}","severity":"DEBUG","logger":"api.auth","message":"token expired","trace":"{id}","pid":{n}}
{"time":"{stamp}","severity":"INFO","logger":"api.auth","message":"user {user} signed in","trace":"{id}","pid":{n}}
{"time":"{stamp}","severity":"INFO","logger":"api.auth","message":"user {user} signed out","trace":"{id}","pid":{n}}
{"time":"{stamp}","severity":"INFO","logger":"api.http","message":"handled request in {dur}","trace":"{id}","pid":{n}}
{"time":"{stamp}","severity":"INFO","logger":"api.find","message":"search","query":"{query}","hits":{n}}
{"time":"{stamp}","severity":"INFO","logger":"api.ship","message":"parcel handed over","city":"{place}","carrier":"{table}","pid":{n}}
{"time":"{stamp}","severity":"[INFO|WARN]","logger":"api.life","message":"[ready|stopping|stopped|starting|degraded|recovered]","trace":"{id}","pid":{n}}
""",
    "control (structured text)": """
"Starting controller" controller="{table}" workers={n}
"Shutting down controller" controller="{table}"
"Caches are synced" controller="{table}"
"Pod status updated" pod="{table}/{pod}" status="[Running|Pending|Failed]"
"Error syncing pod, skipping" err="failed to start container: [image not found|registry unreachable|quota exceeded here|mount has failed|secret not ready|node lost power]" pod="{table}/{pod}" podUID="{uuid}"
"Event occurred" object="{table}/{service}" kind="[Deployment|ReplicaSet]" reason="[Scaled|Created|Killed]" note="{note}"
"Node became not ready" node="{host}" condition={n}
"Attaching volume" volume="{uuid}" node="{host}"
"Detaching volume" volume="{uuid}" node="{host}"
"Volume attach timed out" volume="{uuid}" node="{host}" after="{dur}"
"Probe failed" probe="{probe}" pod="{table}/{pod}" output="HTTP {n}"
"Successfully acquired lease" lease="kube/{service}"
"Lost lease" lease="kube/{service}"
"Garbage collected images" count={n} freed="{size}"
"Eviction manager: must evict pods" resource="{resource}"
Trace[{big}]: "{class}" url:{route},client:{ip} (total time: {dur})
""",
    "pods (events)": """
Successfully assigned {table}/{pod} to {host}
Pulling image "registry.example.net/{service}:v{n}.{n}"
Successfully pulled image "registry.example.net/{service}:v{n}.{n}" in {dur} (image size {big} bytes)
Created container {service}
Started container {service}
Stopping container {service}
Back-off restarting failed container {service} in pod {pod}_shop({uuid})
Liveness probe failed: HTTP probe failed with statuscode: {n}
Readiness probe failed: Get "http://{ip}:{port}/healthz": context deadline exceeded
Readiness probe failed: dial tcp {ip}:{port}: connect: connection refused
Scaled up replica set {service}-{id} to {n} from {n}
Scaled down replica set {service}-{id} to {n} from {n}
0/{n} nodes are available: {n} Insufficient [cpu|memory], {n} node(s) had untolerated taint.
Node {host} status is now: [NodeReady|NodeNotReady|NodeHasDiskPressure]
MountVolume.SetUp failed for volume "{service}-conf" : configmap "{service}-conf" not found
Deleted pod: {pod}
Killing container with id docker://{id}: need to kill pod
Updated LoadBalancer with new hosts
error syncing endpoint {service}: [conflict|timeout]
I{n} {clock} {n} reflector.go:{n}] Watch close - *v1.[Pod|Node] total {n} items received
""",
    "edge (web)": """
{ip} - - [{clf}] "[GET|POST|PUT] {route} HTTP/1.1" {n} {big} "-" "{agent}"
{ip} - {user} [{clf}] "GET {route} HTTP/1.1" {n} {big} "{url}" "{agent}"
{big}#{n}: *{big} open() "{path}" failed ({n}: No such file or directory), client: {ip}, server: {site}
{big}#{n}: *{big} upstream timed out ({n}: Connection timed out) while reading response header from upstream, client: {ip}, upstream: "{url}"
{big}#{n}: *{big} connect() failed ({n}: Connection refused) while connecting to upstream, client: {ip}, upstream: "{url}"
{big}#{n}: *{big} client intended to send too large body: {big} bytes, client: {ip}
{big}#{n}: *{big} limiting requests, excess: {float} by zone "{table}", client: {ip}
{big}#{n}: signal process started
{big}#{n}: worker process {big} exited with code {n}
{big}#{n}: using the "epoll" event method
SSL_do_handshake() failed (SSL: error:{big}:SSL routines:[unknown protocol|no shared cipher|bad key share]) while SSL handshaking, client: {ip}
cache loader process {big} exited with code {n}
""",
    "door (logins)": """
Accepted [publickey|password] for {user} from {ip} port {port} ssh2
Rejected login for {user} from {ip} port {port}: [bad secret|account locked]
Unknown user {user} from {ip}
Connection closed by {ip} port {port} [preauth]
Connection reset by authenticating user {user} {ip} port {port}
session opened for user {user}(uid={n}) by (uid={n})
session closed for user {user}
authentication failure; logname= uid={n} tty=door ruser= rhost={site}
authentication failure; logname= uid={n} tty=door ruser= rhost={ip}  user={user}
reverse lookup of {site} [{ip}] does not map back
Did not receive banner from {ip} port {port}
Server listening on {ip} port {port}.
error: kex_exchange: Connection closed by remote host
error: maximum attempts exceeded for {user} from {ip} port {port}
Received signal {n}; terminating.
{user} : TTY=pts/{n} ; PWD={path} ; USER=root ; COMMAND={path}
group changed for {user}, now in {users}
Disconnecting: protocol error, packet {n} too short
key {id} added to agent of {user}
pam: password [expired|changed] for {user}
""",
    "grid (batch compute)": """
Created TaskKeeper for attempt_{big}_{n}_{n}
attempt_{big}_{n} moved from [NEW to QUEUED|QUEUED to RUNNING|RUNNING to COMMITTING|COMMITTING to DONE|RUNNING to FAILED|FAILED to QUEUED|RUNNING to KILLED]
Container container_{big}_{n} of job_{big} on {host}:{port} was lost
Resource asked: <memory:{big}, vcores:{n}> granted: <memory:{big}, vcores:{n}>
{class}: spilling {size} to {path} (free {size})
{class}: merged {n} segments into {path} in {dur}
Registering handler com.grid.core.{class} for type com.grid.event.{class}
Retrying {host}:{port} already tried {n} time(s); policy=BackOff(max={n}, sleep={dur})
Failed to fetch map output of attempt_{big}_{n} from {host}:{port}: java.net.[ConnectException|SocketTimeoutException]
Removing blobs {blobs} from cache
Block part_{n}_{n} kept in [memory|disk] (estimated size {size}, free {size})
Stage {n} done: {n}/{n} tasks, {n} failed
Scheduler queue {table} at {n}% of capacity
Heartbeat of {host} is {big} ms late
Heartbeat of {host} came back
GC pause of {class} took {dur}
Shutdown hook called
Deleting directory {path}
Speculating task_{big}_{n}
Application application_{big} [accepted|finished|killed] by {user}
""",
    "tablet (device)": """
onStart: {package}/.{class} uid={big} flags={hex}
onStop: {package}/.{class} uid={big} flags={hex}
acquireLock tag="{package}" level={n} held=[true|false] ws=null
releaseLock tag="{package}" level={n} held=[true|false] ws=null
batteryChanged plugged=[true|false] level={n} temp={float}
screenState=[ON|OFF|DOZE] reason={n}
updateRotation(orient={n}, last={n}); user={n} LOCKED
setBrightness target={float} rate={n}
getSensors
flushSensors
refreshWidgets()
notify key={n}|{package}|{big}|null|{big}
dropNotify:{n}|{package}|{big}|null|{big}
Bounds=Rect({n}, {n} - {big}, {big}) visible=[true|false]
Killing {big}:{package}/u{n} (adj {n}): empty for {n}s
Start proc {big}:{package} for service {package}/.{class}
wifi scan finished with {n} networks
wifi connected to {mac} rssi -{n}
steps={big}##{big}##{n}##{n}
Permission denied: {package} does not hold READ_STEPS
alarm {hex} type {n} when {big} {package}
sync finished for {package} in {dur}
""",
    "rack (network, firmware)": """
Interface {iface}, changed state to [up|down]
Line protocol on Interface {iface}, changed state to [up|down]
neighbor {ip} [Up|Down] - hold timer expired
Configured from console by {user} on vty{n} ({ip})
MAC {mac} moved from {iface} to {iface}
Duplicate address {ip} on Vlan{big}, sourced by {mac}
Fan tray {n} speed {n} rpm
Power supply {n} is [normal|absent|failing]
Temperature of sensor {n} is {n}C, above {n}C
machine check enable..............{n}
data store fault..................{n}
cache parity fault corrected......{n}
register r{n}={hex} lr={hex} ctr={hex}
{n} memory error(s) corrected on bank {n}, symbol {n}
total of {n} memory error(s) corrected over {n} seconds
link to {ip} lost
link to {ip} restored after {dur}
boot finished
boot stage {n} took {dur}
clock stepped by -{float} s
System restarted on {day}
fpga load [ok|failed|skipped]
lease of {ip} for {mac} renewed ({host})
lease of {ip} for {mac} released ()
""",
    "post (mail relay)": """
{id}: client={site}[{ip}]
{id}: message-id=<{uuid}@{site}>
{id}: from=<{mail}>, size={big}, nrcpt={n} (queue active)
{id}: to=<{mail}>, relay={site}[{ip}]:25, delay={float}, delays={float}/{float}/{n}/{n}, dsn=2.0.0, status=sent (250 2.0.0 OK {id})
{id}: to=<{mail}>, relay=none, delay={float}, delays={float}/{float}/{n}/{n}, dsn=4.4.1, status=deferred (connect to {site}[{ip}]:25: [Connection timed out|Connection refused])
{id}: to=<{mail}>, relay={site}[{ip}]:25, delay={float}, delays={float}/{float}/{n}/{n}, dsn=5.1.1, status=bounced (host {site}[{ip}] said: {n} unknown mailbox)
{id}: removed
{id}: sender non-delivery notification: {id}
connect from {site}[{ip}]
disconnect from {site}[{ip}] ehlo={n} quit={n} commands={n}
lost connection after [CONNECT|EHLO|DATA] from {site}[{ip}]
warning: hostname {site} does not resolve to address {ip}
NOQUEUE: reject: RCPT from {site}[{ip}]: {n} relay access denied; from=<{mail}> to=<{mail}> proto=ESMTP
statistics: max connection rate {n}/60s for (smtp:{ip}) at {day}
statistics: max cache size {n} at {day}
""",
}
CHOICE = re.compile(r"\[([^\[\]{}|]+(?:\|[^\[\]{}|]+)+)\]")


def invented(system: str, lines: int = 2000, seed: int = 5) -> Sample:
    """Lines of one invented system and the shape each was drawn from: every shape twice, the rest by Zipf's law."""
    r = random.Random(f"{system} {seed}")
    shapes = [chosen for shape in SYSTEMS[system].strip().split("\n") for chosen in _choices(shape)]
    r.shuffle(shapes)
    weights = [1 / rank for rank in range(1, len(shapes) + 1)]
    picked = shapes * 2 + r.choices(shapes, weights, k=lines - 2 * len(shapes))
    r.shuffle(picked)
    return pl.Series([_filled(shape, r) for shape in picked]), pl.Series(picked)


def _choices(shape: str) -> list[str]:
    choice = CHOICE.search(shape)
    if not choice:
        return [shape]
    before, after = shape[: choice.start()], shape[choice.end() :]
    return [made for word in choice[1].split("|") for made in _choices(before + word + after)]


def _filled(shape: str, r: random.Random) -> str:
    return re.sub(r"\{([a-z]+)\}", lambda value: VALUES[value[1]](r), shape)


# --- the peer --------------------------------------------------------------------------------------------------------


def drain3(messages: pl.Series) -> list[int]:
    """Group of each message by Drain3 at its defaults, fed lines that all of our masks have been through.

    The kindest way to run it: our vectorised masking, timed with it, in place of its own, which applies Python regular
    expressions to every line.
    """
    return _drain3_groups(fully_masked(messages), [])


def drain3_as_documented(messages: pl.Series) -> list[int]:
    """Group of each message by Drain3 at its defaults, our masks in its configuration.

    Its masks replace whole matches, so it gets those of ours that keep no part of theirs.
    """
    ours = ((templates.NUMBER, templates.VARIABLE), *templates.MASKS)
    # Python's expressions have no flag -u, and are as slow without it.
    whole = [mask.replace("(?-u:", "(?:") for mask, replacement in ours if replacement == templates.VARIABLE]
    return _drain3_groups(messages, whole)


def _drain3_groups(messages: pl.Series, masks: list[str]) -> list[int]:
    from drain3 import TemplateMiner
    from drain3.masking import MaskingInstruction
    from drain3.template_miner_config import TemplateMinerConfig

    config = TemplateMinerConfig()
    config.masking_instructions = [MaskingInstruction(mask, "*") for mask in masks]
    miner = TemplateMiner(config=config)
    return [miner.add_log_message(message)["cluster_id"] for message in messages]


def fully_masked(messages: pl.Series) -> pl.Series:
    """Messages after all of our masks, the costly ones applied once to each distinct line."""
    masked = templates.mask(messages).to_frame("masked")
    distinct = masked.unique()
    distinct = distinct.with_columns(tidy=templates.tidy(distinct["masked"]))
    return masked.join(distinct, on="masked", how="left", maintain_order="left")["tidy"]


# --- quality ---------------------------------------------------------------------------------------------------------


def quality() -> None:
    """Print grouping accuracy per system beside the floor and beside Drain3 on the same masked lines."""
    print(f"{'system':28}{'events':>8}{'mined':>8}{'ours':>9}{'Drain3':>9}{'floor':>9}")
    real = real_samples()
    if real:
        _print_quality("mean of the real systems", real)
    else:
        print(f"no real samples below {data_folder()}: set AUTOMEND_REAL_DATA; invented systems only")
    _print_quality("mean of the invented systems", {system: invented(system) for system in SYSTEMS})


def _print_quality(title: str, samples: dict[str, Sample]) -> None:
    ours, peer = [], []
    for system, (messages, events) in samples.items():
        mined = templates.mine_polars(messages)["template_id"]
        ours.append(grouping_accuracy(mined, events))
        peer.append(grouping_accuracy(pl.Series(drain3(messages)), events))
        floor = f"{DRAIN_FLOOR[system]:9.4f}" if system in DRAIN_FLOOR else ""
        print(f"{system:28}{events.n_unique():8}{mined.n_unique():8}{ours[-1]:9.4f}{peer[-1]:9.4f}{floor}")
    print(f"{title:28}{'':16}{mean(ours):9.4f}{mean(peer):9.4f}\n")


# --- thresholds ------------------------------------------------------------------------------------------------------

MOVES = {
    "NAMED": (2, 3, 4, 5),
    "NUMBERED": (2, 3, 4, 5),
    "MANY": (3, 4, 5, 6, 7, 8, 10),
    "TEXT": (6, 8, 10, 20, 40),
    "SHARED": (0.34, 0.4, 0.5, 0.6, 0.7),
    "LONG": (2, 3, 4, 5, 6),
    "LONGEST_ITEM": (1, 2, 3, 4, 5),
}
JOINT = ("MANY", "TEXT", "SHARED", "NAMED")


@contextmanager
def thresholds_at(**values: float) -> Iterator[None]:
    """The miner with some thresholds moved."""
    before = {name: getattr(templates, name) for name in values}
    try:
        for name, value in values.items():
            setattr(templates, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(templates, name, value)


def thresholds() -> None:
    """Print what each threshold does alone, then what is chosen, and got, when each real system is left out."""
    real, made = real_samples(), {system: invented(system) for system in SYSTEMS}
    for name, values in MOVES.items():
        for value in values:
            with thresholds_at(**{name: value}):
                means = [mean(map(accuracy, samples.values())) for samples in (real, made) if samples]
            print(f"{name:14}{value:6}", *(f"{of:9.4f}" for of in means))
    if real:
        _leave_one_out(real)


def _leave_one_out(real: dict[str, Sample]) -> None:
    scores = {}
    for values in itertools.product(*(MOVES[name] for name in JOINT)):
        with thresholds_at(**dict(zip(JOINT, values, strict=True))):
            scores[values] = {system: accuracy(sample) for system, sample in real.items()}
    print(f"\nleft out: the median of the settings best on the other four {JOINT}, and what it gets")
    for system in real:
        others = {values: mean(got[o] for o in real if o != system) for values, got in scores.items()}
        best = [values for values, got in others.items() if got > max(others.values()) - 1e-9]
        middle = tuple(sorted(column)[len(best) // 2] for column in zip(*best, strict=True))
        print(f"{system:14}{middle!s:28} of {len(best):3} equals: {scores[middle][system]:.4f}")


# --- speed -----------------------------------------------------------------------------------------------------------


def many_lines(real: dict[str, Sample], lines: int) -> pl.Series:
    """Real messages cycled, every run of two or more digits drawn again: no two rounds of the cycle are equal."""
    r = random.Random(REDRAW_SEED)
    messages = [message for sample in real.values() for message in sample[0]]
    runs = re.compile(r"\d{2,}")

    def redrawn(run: re.Match[str]) -> str:
        return str(r.randrange(10 ** (len(run[0]) - 1), 10 ** len(run[0])))

    cycled = itertools.islice(itertools.cycle(messages), lines)
    return pl.Series("message", [runs.sub(redrawn, message) for message in cycled])


def speed(lines: str = "1000000") -> None:
    """Print lines a second of our miner and of Drain3, turn by turn, their ratios, peak memory, and growth."""
    if not real_samples():
        print(f"no real samples below {data_folder()}: set AUTOMEND_REAL_DATA to measure speed")
        return
    whole = int(lines)
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "lines.parquet")
        _in_a_process("write", file, str(2 * whole))
        turns = [[_printed("run", miner, file, str(whole)) for miner in ("ours", "drain3")] for _ in range(3)]
        documented = _printed("run", "drain3_as_documented", file, str(whole // 20))
        for part in (whole // 4, whole // 2, 2 * whole):
            _printed("run", "ours", file, str(part))
    for figure, meaning in (("rate", "by the clock"), ("work", "of processor time")):
        ratios = [ours[figure] / peer[figure] for ours, peer in turns]
        against = median(ours[figure] for ours, _ in turns) / documented[figure]
        print(f"ours / Drain3, {meaning}: {median(ratios):.1f} fed masked lines, {against:.0f} as documented")


def _printed(*arguments: str) -> dict[str, float]:
    result = json.loads(_in_a_process(*arguments))
    figures = "{lines:10,} lines {rate:12,.0f} /s {work:12,.0f} /s of processor   peak {peak:.2f} GB".format(**result)
    print(f"{arguments[1]:22}{figures}", flush=True)
    return result


def _in_a_process(*arguments: str) -> str:
    """One command alone in a process, so that the peak memory is its own (and that of the lines themselves)."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_templates", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def write(file: str, lines: str) -> None:
    """Write `lines` lines for `run` to read."""
    many_lines(real_samples(), int(lines)).to_frame().write_parquet(file)


def run(miner: str, file: str, lines: str) -> None:
    """Time one miner on the first `lines` lines of a file; print lines a second (by the clock: rate; of processor time: work) and GB."""
    messages = pl.read_parquet(file, n_rows=int(lines))["message"]
    mine = {"ours": templates.mine_polars, "drain3": drain3, "drain3_as_documented": drain3_as_documented}[miner]
    mine(messages.head(1000))  # imports, compiled expressions, threads: paid once in a process
    wall, processor = time.perf_counter(), time.process_time()
    mine(messages)
    rate, work = len(messages) / (time.perf_counter() - wall), len(messages) / (time.process_time() - processor)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"rate": rate, "work": work, "peak": peak, "lines": len(messages)}))


COMMANDS: dict[str, Callable[..., None]] = {
    "quality": quality,
    "speed": speed,
    "thresholds": thresholds,
    "write": write,
    "run": run,
}


def main(arguments: list[str]) -> int:
    """Run one command by name."""
    if not arguments or arguments[0] not in COMMANDS:
        print(__doc__)
        return 2
    COMMANDS[arguments[0]](*arguments[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
