"""System logs into labelled template sequences. Pure: tables in, tables out.

    lines --parse--> parsed --events--> events --windows--> sequences (Format A)

A line's header is split by the layout its file has (schemas/ds2_loghub.py). What the line says is judged by EVENT_RULES,
words as data: the first rule that speaks gives event type and state. No rule knows a system; the words are those of
operating systems, storage, networks, clusters and batch work in general. Each distinct line is judged once.

Every step returns (kept, rejects) and loses nothing: lines = events + rejects; events = sum of `rows` + rejects.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

import pandas as pd
import pandera.errors
import polars as pl

from schemas import format_a
from schemas.ds2_loghub import (
    BY_NAME,
    EPOCH,
    EVENT_COLUMNS,
    EVENT_STATES,
    EVENT_TYPES,
    FATAL,
    FIRST_YEAR,
    LAST_YEAR,
    LEVELS,
    PARSED_COLUMNS,
    SECURITY,
    SESSIONS,
    SEVERITIES,
    Events,
    Layout,
)
from schemas.snapshot import REJECT_COLUMNS, ROW_TEXT_LIMIT
from tasks import templates
from tasks.combine.vocabulary import template_tokens

SOURCE = "ds2_loghub"
WINDOW_SECONDS = 300
SingleEvents = Literal["merge", "keep", "drop"]

# A lone event is joined to the window right after its own and to none later: the pair then spans two windows, and an
# event is never told as the context of another that came longer than that after it. See `merged`.
MERGE_WITHIN_SECONDS = 300

# ---------------------------------------------------------------------------------------------------------------------
# Rules. A line is compared as `words_of` gives it: small letters; camelCase, snake_case and kebab-case taken apart;
# every number that is not zero is 9. So `java.net.NoRouteToHostException` reads "java.net.no route to host exception".
# Patterns are alternatives, matched on word boundaries; Rust's regular expressions, linear time.


@dataclass(frozen=True)
class Rule:
    """One label rule: what it is called, which event type it gives, in words what it looks at, and its words."""

    id: str
    event_type: str
    meaning: str
    words: tuple[str, ...]
    severities: tuple[str, ...] = SEVERITIES  # lines of these severities are asked


_FAILED = r"(?:failed|failure|fails|failing|has failed|have failed|was aborted|aborted|exception|error)"
_CANNOT = r"(?:fail(?:ed|ure|s|ing)? (?:to|in|while|at)|unable to|cannot|can ?not|can[' ]?t|could ?n[o']?t|could not|error(?: while| in| when)?)"
_SOME = r"(?:\S+ ){0,4}"  # a few words between
_STORE = (
    r"(?:disks?|drives?|volumes?|raid|array|lun|scsi|sata|nvme|ssd|hdd|storage|file ?systems?|filesystem domain|mount"
    r"|nfs|san|inode|superblock|logical device|physical device)"
)
_PART = (
    r"(?:power(?: supply)?|psu|fan|cpu|processor|dimm|memory module|temperature|thermal|motherboard|board|midplane"
    r"|node ?card|service card|link card|chassis|bmc|ipmi|hardware|clock|voltage|battery|pci|gpu)"
)
_WORKER = (
    r"(?:executors?|workers?|containers?|task ?managers?|task ?trackers?|node ?managers?|data ?nodes?|region ?servers?"
    r"|agents?|slaves?|replicas?|pods?|brokers?)"
)
_WORK = (
    r"(?:jobs?|sub ?jobs?|tasks?|attempts?|stages?|applications?|apps?|commands?|sub ?commands?|scripts?|services?"
    r"|process(?:es)?|units?|daemons?|modules?|builds?|deployments?|backups?|quer(?:y|ies)|transactions?|requests?|steps?"
    r"|workflows?|pipelines?|instances?|operations?|batch|cron|startup|start|boot|shutdown|cleanup|commit|update|upgrade"
    r"|install(?:ation)?|launch|migration|initiali[sz]ation|maps?|reduces?|compaction|replication|snapshot|checkpoint"
    r"|registration|registering|scheduling|allocation|election)"
)

EVENT_RULES = (
    Rule(
        "authentication_failed",
        "auth_failure",
        "someone could not prove who they are: wrong password, unknown user, refused ticket, break-in attempt",
        (
            r"auth(?:entication|n)?(?:\(\w*\))? (?:has |was )?(?:fail(?:ed|ures?|s)|error|exception|rejected|refused|denied)",
            r"fail(?:ed|ure)s? (?:(?:to|of|for|the|a|user|ssh|sasl|kerberos|ldap|pam|remote) ){0,3}"
            r"(?:passwords?|log ?(?:in|on)|publickey|keyboard interactive|none for|auth(?:enticat\w+)?|sign ?in)",
            r"log ?[io]n (?:attempt )?(?:(?:has|was) )?(?:incorrect|failed|failures?|denied|rejected|refused)",
            r"(?:invalid|illegal|bad|wrong|incorrect|unknown) (?:user(?:name)?|password|credentials?|log ?in|account)",
            r"user unknown(?: *$|[.;,])|unknown user",
            r"(?:could ?n[o']?t|could not|cannot|unable to|can[' ]?t) authenticate|not authenticated|unauthenticated",
            r"password (?:check|verification) failed|password mismatch|(?:no|not) valid credentials?",
            r"(?:maximum|max|too many) (?:authentication|log ?in|password) (?:attempts?|failures?)",
            r"possible break ?in attempt|break ?in attempt|brute force|ignoring max retries",
            r"account (?:is |has been |was )?(?:temporarily )?locked|gss initiate failed|sasl handshake failed",
            r"(?:auth\w*|access|delegation|security|bearer|session) (?:token|ticket)s? (?:\w+ ){0,3}(?:invalid|expired|rejected)",
            r"(?:invalid|expired|bad) (?:auth\w*|access|delegation|security|bearer|kerberos) (?:token|ticket)",
            r"401 unauthori[sz]ed|unauthori[sz]ed",
        ),
    ),
    Rule(
        "access_denied",
        "permission_denied",
        "someone known was not allowed to do something: permission or access denied, forbidden by a policy",
        (
            r"permissions? (?:\w+ )?denied|access (?:\w+ ){0,2}denied|denied|eacces|eperm",
            r"(?:operation|action) not permitted|not permitted|not allowed to|is not authori[sz]ed|not authori[sz]ed",
            r"forbidden|access control exception|access violation by|access rights? violation",
            r"insufficient (?:privileges?|permissions?|rights?|access)",
            r"(?:no|lacks?|without|missing|not have|n[o']?t have|required) (?:\w+ ){0,2}(?:permissions?|privileges?|access rights?)",
            r"(?:rejected|refused|blocked) by (?:\w+ ){0,2}(?:policy|acl|selinux|apparmor|firewall rule|rule)",
        ),
    ),
    Rule(
        "storage_full",
        "storage_unavailable",
        "no room to write: disk, volume, file system or quota is full",
        (
            r"no space left|enospc|(?:out of|insufficient|not enough|no more|lack of) (?:disk |free |storage |local )+space",
            rf"{_STORE} {_SOME}(?:is |was |are )?(?:now )?(?:full|exhausted)|(?:disk )?quota (?:\w+ )?exceeded|out of inodes",
            r"(?:low (?:on )?disk space|running out of (?:disk )?space|disk usage (?:\S+ ){0,3}(?:exceeds|above|over))",
        ),
    ),
    Rule(
        "storage_failed",
        "storage_unavailable",
        "storage that cannot be reached or trusted: failed disks and mounts, I/O errors, missing blocks, lost servers",
        (
            rf"{_STORE} {_SOME}(?:{_FAILED}|offline|unavailable|not available|not ready|degraded|missing|lost|dead|panic)",
            rf"(?:{_FAILED}|bad|lost|missing|dead|{_CANNOT} access) (?:\w+ )?{_STORE}",
            rf"{_CANNOT} (?:re|un)?mount(?:ing)?|mount(?:ing)? (?:\S+ )?(?:failed|failure|error)",
            r"(?:buffer )?(?:i/o|io|input/output|medium|seek|media|write) (?:error|failure)|unrecovered read error",
            r"(?:bad|unreadable|pending|offline uncorrectable) (?:sectors?|blocks?)|stale (?:nfs )?file handle",
            r"(?:remount\w* |is |became )(?:\S+ )?read ?only|read only file ?system|journal (?:has )?aborted",
            r"no longer served|no server for|file ?server (?:\S+ ){0,3}(?:unavailable|down|not found)",
            r"in (?:the|an) unavailable state|(?:blocks?|replicas?|chunk|shard) \S* ?(?:is |are )?(?:missing|not available|unavailable)",
            r"(?:could not|cannot|unable to|failed to) (?:obtain|locate|find|get) (?:\w+ )?blocks?|no live nodes contain",
            r"(?:bad|dead|failed) data ?node|all data ?nodes \S* ?are bad|missing blocks?",
            r"smart (?:\w+ )?(?:failure|error)|prefailure|predictive failure",
        ),
    ),
    Rule(
        "out_of_memory",
        "compute_oom",
        "memory ran out: killed for memory, allocation failed, heap or limit exceeded",
        (
            r"out of (?:\w+ )?memory|oom|oom ?kill(?:er|ed|s)?|enomem|killed process 9 \(",
            r"(?:cannot|can[' ]?t|could not|could ?n[o']?t|unable to|failed to|failure to) (?:re)?allocate",
            r"(?:memory|page|heap|buffer|malloc|swap) (?:\w+ )?alloc(?:ation)? (?:failed|failure|error)|malloc (?:\S+ )?failed|bad alloc",
            r"java heap space|gc overhead|(?:heap|perm ?gen|metaspace|swap)(?: space)? (?:is |was )?(?:exhausted|full|exceeded)",
            r"beyond (?:the )?(?:physical|virtual|memory)|virtual memory (?:exhausted|exceeded)|vm: killing process",
            r"memory (?:\w+ ){0,4}(?:exceed(?:ed|s|ing)?|exhausted)",
            r"exceed(?:ed|s|ing)? (?:\w+ ){0,3}memory|(?:insufficient|not enough|no free|no more) (?:\w+ )?memory",
        ),
    ),
    Rule(
        "resources_exhausted",
        "compute_oom",
        "another resource ran out: file handles, threads, processor time, pool or cache room",
        (
            r"too many open files|emfile|enfile|file (?:table|descriptors?) (?:\w+ )?(?:overflow|exhausted|full)",
            r"resources? (?:\w+ )?(?:exhausted|temporarily unavailable)|eagain",
            r"(?:unable|failed|cannot|could not) (?:to )?(?:create|start|fork) (?:\w+ ){0,3}(?:thread|process)|fork (?:\S+ )?failed",
            r"(?:thread|connection|worker|buffer)s? pool (?:\S+ ){0,2}(?:exhausted|is full|was full)",
            r"not enough (?:space to cache|cpu|cores|slots)|(?:cpu|load)(?: \w+)? (?:saturat\w+|overload\w*|throttl\w+)",
            r"(?:queue|buffer|table) (?:\S+ )?(?:overflow|overrun|is full)|dropping packet",
        ),
    ),
    Rule(
        "timed_out",
        "network_issue",
        "an answer did not come in time",
        (r"timed ?out|time ?outs?|etimedout|deadline (?:was )?exceeded",),
    ),
    Rule(
        "connection_lost",
        "network_issue",
        "a connection was refused, reset or broke off",
        (
            r"(?:connection|connect|socket|session|channel|stream|pipe)s? (?:\S+ ){0,6}?(?:refused|reset|aborted|abort|lost|broken"
            r"|dropped|broke|failed|failure|error|exception|terminated|severed|died|closed unexpectedly|closed prematurely)",
            r"(?:refused|reset|aborted|lost|broken|dropped|failed|bad) (?:\w+ ){0,2}(?:connections?|sockets?|channel)",
            r"broken pipe|econnrefused|econnreset|epipe|reset by peer|peer (?:\w+ )?(?:died|reset|gone|disconnected)",
            r"(?:transport endpoint is |socket )not connected|end ?point is not connected|enotconn|not connected to",
            r"exception (?:\w+ ){0,2}(?:while|in|during|when) (?:\w+ )?(?:serving|receiv\w+|send\w*|transfer\w*|connect\w*|read block)",
            r"received exception|end of stream|client has closed socket|(?:was )?disconnected unexpectedly",
        ),
    ),
    Rule(
        "unreachable",
        "network_issue",
        "a host, service or name could not be reached",
        (
            r"(?:host|network|node|server|peer|destination|port|service|address) (?:\S+ ){0,4}(?:is |are )?(?:un|not )reachable",
            r"unreachable|no route to host|ehostunreach|enetunreach|host is down|network is down|no network connection",
            r"not ?responding|not respond|no (?:response|reply|answer)(?: from| received| within)?|unresponsive",
            rf"{_CANNOT} (?:\w+ ){{0,2}}(?:re)?(?:connect(?:ing)?|reach(?:ing)?|contact(?:ing)?|resolv(?:e|ing)|ping(?:ing)?|communicat\w+)",
            rf"{_CANNOT} (?:open|establish|create) (?:\w+ ){{0,3}}(?:connection|channel|socket)|error in contacting",
            r"(?:fail(?:ed|ure|s)|unable) to renew (?:\w+ )?lease|renew(?:al of)? (?:\w+ )?lease (?:has )?failed",
            r"(?:lost|missed|no|missing) (?:\w+ )?(?:heart ?beats?|contact|communication|keep ?alives?)",
            r"heart ?beats? (?:\S+ ){0,4}(?:lost|missed|failed|failure|not received|stopped)",
            r"(?:name or service|host) not (?:known|found)|unknown host|gethostbyname|nxdomain|(?:dns|name) (?:\w+ )?(?:lookup |resolution )?(?:failed|failure|error)",
            r"temporary failure in name resolution",
        ),
    ),
    Rule(
        "retrying",
        "network_issue",
        "a connection that has to be tried again, told as a warning or error (the first tries, told as information, are normal)",
        (r"re ?try(?:ing)? (?:to )?connect\w*|re ?connect(?:ing|ion)? (?:\S+ ){0,3}(?:attempt|failed)|already tried",),
        ("WARN", "ERROR"),
    ),
    Rule(
        "link_error",
        "network_issue",
        "the network itself is at fault: link errors, interface or carrier down, packets lost",
        (
            r"link (?:is |has |was )?(?:now )?(?:down|errors?|failed|failure|lost|flapping|training failed)|carrier (?:lost|down)|lost carrier",
            r"network (?:\w+ )?(?:connection |interface |link )?(?:failed|failure|error|outage|partition|down|problem|split)",
            r"(?:failed|lost|bad|faulty) network|net(?:work)? device (?:\S+ )?(?:down|failed)|interface (?:\S+ )?(?:is |went )?down",
            r"(?:eth|bond|ib|wlan|en)\d*:? (?:\w+ ){0,3}(?:link )?down|packet loss|packets? (?:were |was )?(?:lost|dropped)",
            r"(?:tree|torus|ethernet|infiniband|fabric|switch|port|nic) (?:\S+ ){0,3}(?:errors?|failed|failure|down)",
            r"errors? (?:\w+ ){0,3}(?:on|in) (?:the )?(?:\w+ )?(?:tree|torus|network|fabric|link)",
        ),
    ),
    Rule(
        "corrupt_data",
        "data_ingestion_failed",
        "data that does not agree with itself: checksum, verification, corrupt blocks",
        (
            r"(?:checksum|crc|digest|hash|md9|sha9) (?:\S+ ){0,4}(?:errors?|failed|failure|mismatch\w*|exception|invalid|incorrect|wrong|differ\w*)",
            r"(?:bad|invalid|wrong|incorrect|mismatch\w*|failed) (?:\w+ ){0,2}(?:checksum|crc|digest|magic number)",
            rf"(?:verification|integrity|consistency)(?: check| test)? (?:\S+ ){{0,3}}(?:{_FAILED}|mismatch)|{_CANNOT} verify",
            r"(?:failed|failure of) (?:\w+ )?verification|corrupt(?:ed|ion)?|is corrupt",
            r"(?:unexpected|invalid|mismatched|wrong) (?:block|record|file|generation) (?:size|length|stamp|count)",
        ),
    ),
    Rule(
        "bad_input",
        "data_ingestion_failed",
        "input that cannot be read or is not what was expected: missing, malformed, cut short, of another schema",
        (
            rf"{_CANNOT} (?:(?:be|to|the|any|from|input|correctly) ){{0,3}}(?:read(?:ing)?|pars(?:e|ed|ing)|decod(?:e|ed|ing)"
            r"|deseriali[sz](?:e|ed|ing)|ingest(?:ed|ing)?|load(?:ing)? (?:\w+ )?(?:data|input|records?|partitions?))",
            r"(?:read|pars(?:e|er|ing)|decod(?:e|er|ing)|deseriali[sz]ation|ingestion|number format|schema|format|syntax) "
            r"(?:\w+ )?(?:failed|failure|failures|error|errors|exception)",
            r"malformed|(?:unexpected|premature|abrupt) (?:end of (?:file|input|data|stream)|eof)|eof ?exception|truncated",
            rf"input split (?:\S+ ){{0,3}}(?:{_FAILED}|invalid|missing|lost)|(?:{_FAILED}|invalid|missing|bad|unreadable|{_CANNOT} \w+) (?:\w+ )?input split",
            r"(?:input|data|source) (?:path|file|director(?:y|ies)|set|partition)s? (?:\S+ ){0,3}(?:does not exist|not exist|not found|missing|unreadable|empty)",
            r"no such file or directory|file not found|(?:path|file) does not exist|enoent",
            r"(?:invalid|unexpected|unknown|bad|illegal|missing) (?:\w+ )?(?:records?|rows?|columns?|fields?|input|data|format|schema|encoding|message length|header)",
            r"schema (?:\S+ ){0,3}(?:mismatch\w*|drift\w*|changed|incompatible|violation)|not (?:match|conform to) (?:\w+ )?schema",
            r"(?:data|feature|concept|distribution) (?:\w+ )?(?:drift\w*|shift\w*|skew\w*)|(?:data|record) (?:validation|quality) (?:\w+ )?(?:failed|failure)",
        ),
    ),
    Rule(
        "executor_lost",
        "executor_failure",
        "a worker of a cluster died, was lost or came back with an error: executor, container, node manager, pod",
        (
            rf"(?:lost|losing|dead|failed|failing|unhealthy|crashed|missing) {_WORKER}",
            rf"{_WORKER} (?:\S+ ){{0,6}}?(?:is |was |has |have )?(?:been )?(?:lost|died|dead|failed|failure|crashed|unhealthy|disassociated"
            r"|evicted|exited (?:abnormally|unexpectedly)|terminated (?:abnormally|unexpectedly)|killed|aborted|not running)",
            rf"{_WORKER} (?:\S+ ){{0,8}}(?:non ?zero|exited with (?:\w+ )*-?9|exit (?:code|status)\W* ?-?9)",
            r"failures? on (?:node|host|worker|machine)|crash ?loop|back ?off restarting|rpc client disassociated",
            rf"{_CANNOT} (?:launch|start|allocate|assign) (?:\w+ )?{_WORKER}|(?:remov|blacklist|exclud)\w+ (?:\w+ )?{_WORKER} (?:\S+ ){{0,4}}(?:lost|failures?|errors?|dead)",
            r"(?:node|host|worker) (?:\S+ ){0,2}(?:was |is |has been )?(?:blacklisted|black ?listed|marked (?:as )?(?:dead|lost|unhealthy))",
        ),
    ),
    Rule(
        "hardware_failed",
        "system_crash",
        "a part of a machine failed: power, fan, temperature, processor, memory module",
        (
            rf"{_PART} (?:\S+ ){{0,3}}(?:failed|failure|fault|faulty|error|critical|dead|offline|lost|problem|not (?:\w+ )?functional|alarm)",
            rf"(?:failed|faulty|bad|dead|defective) {_PART}|over ?heat\w*|over ?temp\w*|temperature (?:\S+ ){{0,4}}(?:exceeds? (?:critical|shutdown)|too high)",
            r"machine check (?:exception|error|event|interrupt|\w+ error)|machine check: |uncorrect(?:able|ed)|(?:parity|ecc|tlb|edram|bus|sram|ddr|cache) error",
            r"power/control problem|power (?:module|outage|loss|lost)|hardware error|(?:double|multi) ?bit error|nmi (?:received|for unknown)",
        ),
    ),
    Rule(
        "crashed",
        "system_crash",
        "a system or program broke down: panic, fault, unhandled exception, unclean end",
        (
            r"panic(?:ked)?|oops|kernel bug|bug: |seg(?:mentation )? ?fault|general protection|sig(?:segv|bus|abrt|ill|fpe)",
            r"core dumped|dump(?:ed|ing) core|crash(?:ed|es|ing)|has stopped unexpectedly|stack (?:overflow|smashing)",
            r"(?:unexpected|unexpectedly|unclean|abnormal|emergency|abrupt) (?:system )?(?:shut ?down|re ?boot|restart|reset|terminat\w+|exit)",
            r"(?:terminated|shut ?down|rebooted|restarted|died) (?:\S+ )?(?:abnormally|unexpectedly)|died|terminated for reason|kernel terminated",
            r"watchdog (?:\S+ ){0,4}(?:expired|bite|reset|trigger\w*|detected)|(?:soft|hard) ?lockup|hung task|blocked for more than|dead ?lock(?:ed| detected)",
            r"halt asserted|system halted|cannot continue|stopping execution|unrecoverable|irrecoverable|fatal (?:error|exception|signal|interrupt)",
            r"(?:uncaught|unhandled|unexpected) (?:\w+ )?(?:exception|error|signal|fault)|threw an? (?:\w+ )?exception|exception in thread",
            r"null pointer|assert(?:ion)? (?:\w+ )?(?:fail\w*|error|condition)|(?:illegal|invalid) (?:instruction|opcode|memory access)",
            r"(?:node|system|server|machine|host) (?:\S+ ){0,3}(?:is down|went down|crashed|has failed|failed|failure)|shutting down (?:\w+ ){0,3}(?:due to|because)",
            r"hit assert|bad page|unable to handle|aborting on|abort signal",
        ),
    ),
    Rule(
        "abnormal_exit",
        "job_failed",
        "a program ended, and says it was not well",
        (
            r"exited (?:abnormally|unexpectedly)|abnormal(?:ly)? (?:exit\w*|terminat\w+|end\w*)|abend\w*|ended abnormally",
            r"(?:exit|exited|exits|terminated|finished|ended|completed|returned) (?:\w+ ){0,3}(?:(?:exit )?(?:code|status|value|rc|signal)|with)\W{0,3}-?9",
            r"non ?zero (?:exit|return|status)|return code\W+-?9|exit code\W+-?9",
            r"killed by signal|terminated by signal|received signal 9|main process exited",
        ),
    ),
    Rule(
        "work_failed",
        "job_failed",
        "a piece of work did not come to its end: job, task, command, service, request, start-up",
        (
            rf"{_WORK} (?:\S+ ){{0,5}}?(?:is |was |were |has |have |had )?(?:been )?(?:failed|failing|fails|failure|aborted|aborting|unsuccessful"
            r"|not started|could not be (?:started|completed|executed)|timed out|rejected|errored)",
            rf"(?:failed|failure|failing|aborted|aborting|unsuccessful) (?:(?:to|of|the|a|an|for|in|on|running|starting|executing) ){{0,3}}(?:\w+ )?{_WORK}",
            rf"{_CANNOT} (?:be )?(?:start|launch|run|execut\w+|complet\w+|finish|commit|load|submit|initiali[sz]\w*|instantiat\w+|spawn|bind|install|save|process|perform)(?:ed|ing)?",
            rf"(?:error|exception) (?:while |in |when |during |at )?(?:running|executing|processing|starting|launching|initiali[sz]ing|committing|writing|handling|performing|loading) ?(?:\w+ )?(?:{_WORK})?",
            rf"(?:state|status|transition\w*|changed|moved|from) (?:\S+ ){{0,5}}(?:to|=|:|is) ?(?:final )?(?:failed|fail|error|aborted)\b",
            r"giving up|gave up|too many (?:failures|failed|retries|attempts|errors)|(?:retries|attempts) (?:\w+ )?(?:exhausted|exceeded)",
            r"max(?:imum)? (?:number of )?(?:\w+ )?(?:retries|attempts) (?:\w+ )?(?:exceeded|reached)|roll(?:ed|ing) back (?:\w+ )?(?:because|due|after)",
        ),
    ),
)

# What follows when no rule above speaks.
FALLBACKS = (
    Rule("fatal_level", "system_crash", "no words known, but the program says at level FATAL that it cannot go on", ()),
    # The five states have none for "failed, for a reason we cannot name". The program itself calls it an error, so it is
    # no normal operation; what failed is the program's own work.
    Rule("error_level", "job_failed", "no words known, but the line is an error: an operation of the program failed", ()),
    Rule("warning", "unknown", "a warning that no rule explains: not normal, and no failure either", (), ("WARN",)),
    Rule("mention", "unknown", "information that speaks of a failure no rule knows", (), ("INFO",)),
    Rule("normal", "normal_ops", "information, and no word of failure", (), ("INFO",)),
)
SECURITY_RULE = "security"
MENTIONS = r"\b(?:fail(?:ed|ure|ures|s|ing)?|errors?|exceptions?|unable|could not|could ?n[o']?t|cannot|abort(?:ed|ing)?|lost|killed)\b"

# Rule id -> what it looks at, for the datasheet.
RULES = {rule.id: rule.meaning for rule in (*EVENT_RULES, *FALLBACKS)} | {
    SECURITY_RULE: "taxonomy five: the worst event of the window is a security event, which none of the five states has"
}
EVENT_TYPE_OF = {rule.id: rule.event_type for rule in (*EVENT_RULES, *FALLBACKS)}
