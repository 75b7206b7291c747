"""DS2's rules: which event type, state and meaning a log line is given, and what each reason for a reject means.

To change a label rule, change its row in EVENT_RULES or FALLBACKS: it has the name, event type, state, meaning and the
words that the rule looks for. All rules of one event type give one state, and their rows lie together. Rules are asked
in this order, and the first that applies decides. No rule knows a system: the words are those of operating systems,
storage, networks, clusters and batch work in general.
How a line is brought into the form that `words` describes, and what is removed from it first: words.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from schemas.ds2_loghub import FATAL, SECURITY, SEVERITIES
from schemas.format_a import (
    AUTH_FAILURE,
    DATA_DRIFT,
    NETWORK_FAILURE,
    NORMAL,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTION,
    STATES,
    SYSTEM_CRASH,
    Taxonomy,
)
from schemas.reject import Reason, reasons


@dataclass(frozen=True)
class Rule:
    """One label rule: it applies to a line that has one of its words, severities and levels.

    `words`: patterns, one a line (words.py: pattern); "" for any text. `levels`: as the line writes them, in capitals;
    () for any level and for none.
    """

    name: str
    event_type: str
    state: int
    meaning: str
    words: str = ""
    severities: tuple[str, ...] = SEVERITIES
    levels: tuple[str, ...] = ()


# In the order of schemas.ds2_loghub.EVENT_TYPES.
EVENT_RULES = (
    Rule(
        "authentication_failed",
        "auth_failure",
        AUTH_FAILURE,
        "Someone could not prove who they are: wrong password, unknown user, refused ticket, break-in attempt.",
        r"""
        auth(?:entication|n)?(?:\(\w*\))? (?:has |was )?(?:fail(?:ed|ures?|s|ing)?|error|exception|rejected|refused
            |denied)
        fail(?:ed|ure)s? (?:(?:to|of|for|the|a|user|ssh|sasl|kerberos|ldap|pam|remote) ){0,3}(?:pass(?:word|phrase)
            |log ?[io]n|auth)
        fail(?:ed|ure)s? (?:(?:to|of|for|the|a|user|ssh|sasl|remote) ){0,3}(?:passwords|authenticat\w+|publickey
            |none for|sign ?in)
        fail(?:ed|ure)s? (?:keyboard interactive|sasl handshake|gss\w* initiat\w+)
        log ?[io]n (?:attempt )?(?:(?:has|was) )?(?:incorrect|failed|failures?|denied|rejected|refused)
        (?:invalid|illegal|bad|wrong|incorrect) (?:user(?:name)?|password|passphrase|credentials?|log ?in|account|pin)
        unknown (?:user(?:name)?|account)
        user(?:name)? (?:is )?unknown(?: *$|[.;,])
        no such user
        (?:could ?n[o']?t|could not|can ?not|unable to|can[' ]?t) authenticate
        not authenticated|unauthenticated|unauthori[sz]ed
        password (?:check|verification|mismatch|authentication)(?: failed)?
        (?:no|not) valid credentials?|no more (?:user )?authentication methods
        (?:maximum|max|too many) (?:\w+ )?(?:authentication|log ?in|password) (?:attempts?|failures?)
        break ?in attempt|brute force|ignoring max retries
        account (?:is |has been |was )?(?:temporarily )?locked
        (?:gss initiate|sasl (?:handshake|authentication)) failed
        (?:auth\w*|access|delegation|security|bearer|session) (?:token|ticket)s? (?:\w+ ){0,3}(?:invalid|expired
            |rejected)
        certificate (?:\S+ ){0,3}(?:unknown authority|expired|not trusted|verify failed|rejected)
        (?:invalid|expired|bad) (?:auth\w*|access|delegation|security|bearer|kerberos) (?:token|ticket)
        """,
    ),
    Rule(
        "access_denied",
        "permission_denied",
        PERMISSION_DENIED,
        "Someone known was not allowed to do something: permission or access denied, forbidden by a policy.",
        r"""
        permissions? <a>denied|access (?:\w+ ){0,2}denied|denied|eacces|eperm
        not permitted|not allowed to|(?:is )?not authori[sz]ed
        forbidden|access control exception|access (?:rights? )?violation by
        preventing (?:\S+ ){1,3}(?:from|access)
        insufficient (?:privileges?|permissions?|rights?|access)
        (?:no|lacks?|without|missing|not have|n[o']?t have) (?:\w+ ){0,2}(?:permissions?|privileges?|access rights?)
        (?:rejected|refused|blocked) by (?:\w+ ){0,2}(?:policy|acl|selinux|apparmor|rule)
        """,
    ),
    Rule(
        "storage_full",
        "storage_unavailable",
        SYSTEM_CRASH,
        "No room to write: disk, volume, file system or quota is full.",
        r"""
        no space left|enospc|out of inodes
        (?:out of|insufficient|not enough|no more|lack of|low on|running out of) (?:disk |free |storage |local )+space
        <store> <some>(?:is |was |are )?(?:now )?(?:full|exhausted)
        (?:disk )?quota <a>exceeded|low disk space
        disk usage (?:\S+ ){0,3}(?:exceeds|above|over)
        """,
    ),
    Rule(
        "storage_failed",
        "storage_unavailable",
        SYSTEM_CRASH,
        "Storage that cannot be reached or trusted: failed disks and mounts, I/O errors, missing blocks, lost servers.",
        r"""
        <store> <some>(?:<failed>|offline|unavailable|not available|not ready|degraded|missing|lost|dead|panic
            |timed ?out|time ?out)
        (?:<failed>|failing|bad|lost|missing|dead|<cannot> (?:access|attach|detach|format|open)) <a><store>
        <cannot> (?:re|un)?mount(?:ing)?
        mount(?:ing)? <some>(?:failed|failure|error)
        (?:buffer )?(?:i/o|io|input/output|medium|seek|media|write) (?:error|failure)|unrecovered read error
        (?:bad|unreadable|pending|offline uncorrectable) (?:sectors?|blocks?)|stale (?:nfs )?file handle
        (?:remount\w* |is |became )(?:\S+ )?read ?only|read only file ?system|journal (?:has )?aborted
        no longer served|no server for|file ?server (?:\S+ ){0,3}(?:unavailable|down|not found)
        in (?:the|an) unavailable state
        (?:blocks?|chunk|shard) \S* ?(?:is |are )?(?:missing|not available|unavailable)|missing blocks?
        (?:could not|can ?not|unable to|failed to) (?:obtain|locate|find|get) <a>blocks?|no live nodes contain
        (?:bad|dead|failed) data ?node|all data ?nodes \S* ?are bad
        smart <a>(?:failure|error)|prefailure|predictive failure
        """,
    ),
    Rule(
        "out_of_memory",
        "compute_oom",
        RESOURCE_EXHAUSTION,
        "Memory ran out: killed for memory, allocation failed, heap or limit exceeded.",
        r"""
        out of <a>memory|oom|oom ?kill(?:er|ed|s)?|enomem|vm: killing process
        (?:can ?not|can[' ]?t|could not|could ?n[o']?t|unable to|failed to|failure to) (?:re)?allocate
        (?:memory|page|heap|buffer|malloc|swap) <a>alloc(?:ation)? (?:failed|failure|error)|malloc (?:\S+ )?failed
            |bad alloc
        java heap space|gc overhead
        (?:heap|perm ?gen|metaspace|swap)(?: space)? (?:is |was )?(?:exhausted|full|exceeded)
        beyond (?:the )?(?:physical|virtual|memory)|virtual memory (?:exhausted|exceeded)
        memory (?:\w+ ){0,4}(?:exceed(?:ed|s|ing)?|exhausted)
        exceed(?:ed|s|ing)? (?:\w+ ){0,3}memory
        (?:insufficient|not enough|no free|no more) <a>memory
        """,
    ),
    Rule(
        "resources_exhausted",
        "compute_oom",
        RESOURCE_EXHAUSTION,
        "Another resource ran out: file handles, threads, processor time, leases, room in a pool, queue or cache.",
        r"""
        too many open files|emfile|enfile|file (?:table|descriptors?) <a>(?:overflow|exhausted|full)
        resources? <a>(?:exhausted|temporarily unavailable)|eagain
        (?:unable to|failed to|can ?not|could not) (?:create|start|fork) (?:\w+ ){0,3}(?:thread|process)
            |fork (?:\S+ )?failed
        (?:thread|connection|worker|buffer)s? pool (?:\S+ ){0,2}(?:exhausted|is full|was full)
        not enough (?:space to cache|cpu|cores|slots)|no free <a>(?:leases|slots|resources|connections|handles)
        cpu throttl\w+|(?:cpu|load)(?: \w+)? (?:saturat\w+|overload\w*)
        (?:queue|buffer|table) (?:\S+ )?(?:overflow|overrun|is full)|dropping packet
        """,
    ),
    Rule(
        "unreachable",
        "network_issue",
        NETWORK_FAILURE,
        "A host, service or name could not be reached.",
        r"""
        unreachable|not reachable|no route to host|ehostunreach|enetunreach|host is down|network is down
            |no network connection
        (?:host|server|service|peer|internet|network|remote) <some>(?:unavailable|offline|not running)
        not ?responding|not respond|(?:no|not) (?:response|reply|answer)|unresponsive
        <cannot> (?:\w+ ){0,2}(?:re)?(?:connect(?:ing)?|reach(?:ing)?|contact(?:ing)?|resolv(?:e|ing)|ping(?:ing)?
            |communicat\w+)
        <cannot> (?:open|establish|create) (?:\w+ ){0,3}(?:connection|channel|socket)
        (?:fail(?:ed|ure|s)|unable) to renew <a>lease|renew(?:al of)? <a>lease (?:has )?failed
        (?:lost|missed|no|missing) <a>(?:heart ?beats?|contact|communication|keep ?alives?)
        heart ?beats? <some>(?:lost|missed|failed|failure|not received|stopped)
        (?:name or service|host) not (?:known|found)|unknown host|gethostbyname|nxdomain
            |temporary failure in name resolution
        (?:dns|name) <a>(?:lookup |resolution )?(?:failed|failure|error)
        """,
    ),
    Rule(
        "timed_out",
        "network_issue",
        NETWORK_FAILURE,
        "An answer did not come in time.",
        "timed ?out|time ?outs?|etimedout|deadline (?:was )?exceeded",
    ),
    Rule(
        "connection_lost",
        "network_issue",
        NETWORK_FAILURE,
        "A connection was refused, reset or broke off.",
        r"""
        (?:connection|connect|socket|session|channel|stream|pipe)s? (?:\S+ ){0,6}?(?:refused|reset|aborted|abort
            |lost|broken|dropped)
        (?:connection|connect|socket|session|channel|stream|pipe)s? (?:\S+ ){0,6}?(?:broke|failed|failure|error
            |exception|terminated|severed)
        (?:connection|socket|session|channel)s? (?:\S+ ){0,6}?(?:died|(?:unexpectedly|prematurely) closed
            |closed (?:unexpectedly|prematurely))
        (?:refused|reset|aborted|lost|broken|dropped|failed|bad) (?:\w+ ){0,2}(?:connections?|sockets?|channel)
        broken pipe|econnrefused|econnreset|epipe|reset by peer|peer <a>(?:died|reset|gone|disconnected)
        (?:transport endpoint is |socket )not connected|end ?point is not connected|enotconn|not connected to
        exception (?:\w+ ){0,2}(?:while|in|during|when) <a>(?:serving|receiv\w+|send\w*|transfer\w*|connect\w*
            |read block)
        <cannot> (?:read|reading|write|writing|send|sending|receiv\w+) (?:\S+ ){0,8}(?:socket|connection|peer
            |channel|remote)
        received exception|end of stream|client has closed socket|prematurely closed|disconnected unexpectedly
        link has been severed
        """,
    ),
    Rule(
        "retrying",
        "network_issue",
        NETWORK_FAILURE,
        "A connection that has to be tried again, in a warning or error (in a line of information it is normal).",
        r"""
        re ?try(?:ing)? (?:to )?connect\w*|already tried
        re ?connect(?:ing|ion)? (?:\S+ ){0,3}(?:attempt|failed)
        """,
        severities=("WARN", "ERROR"),
    ),
    Rule(
        "link_error",
        "network_issue",
        NETWORK_FAILURE,
        "The network itself is at fault: link errors, interface or carrier down, packets lost.",
        r"""
        link (?:is |has |was )?(?:now )?(?:down|errors?|failed|failure|lost|flapping|training failed)
        carrier (?:lost|down)|lost carrier|packet loss|packets? (?:were |was )?(?:lost|dropped)
        network <a>(?:connection |interface |link )?(?:failed|failure|error|outage|partition|down|problem|split)
        (?:failed|lost|bad|faulty) (?:its )?network
        (?:net(?:work)? device|interface) (?:\S+ )?(?:is |went )?(?:down|failed)
        (?:eth|bond|ib|wlan|en)\d*:? (?:\w+ ){0,3}(?:link )?down
        (?:tree|torus|ethernet|infiniband|fabric|switch|port|nic) (?:\S+ ){0,3}(?:errors?|failed|failure|down)
        errors? (?:\w+ ){0,3}(?:on|in) (?:the )?<a>(?:tree|torus|network|fabric|link)
        """,
    ),
    Rule(
        "corrupt_data",
        "data_ingestion_failed",
        DATA_DRIFT,
        "Data that does not agree with itself: checksum, verification, corrupt blocks.",
        r"""
        (?:checksum|crc|digest|hash|md9|sha9) (?:\S+ ){0,5}(?:errors?|failed|failure|mismatch\w*|exception|invalid
            |incorrect|wrong)
        (?:checksum|crc|digest|hash|md9|sha9) (?:\S+ ){0,6}(?:differ\w*|(?:does|do|did) not match)
        (?:bad|invalid|wrong|incorrect|mismatch\w*|failed) (?:\w+ ){0,2}(?:checksum|crc|digest|magic number)
        (?:verification|integrity|consistency)(?: check| test)? (?:\S+ ){0,3}(?:<failed>|mismatch)
        <cannot> verify|(?:failed|failure of) <a>verification|corrupt(?:ed|ion)?
        (?:unexpected|invalid|mismatched|wrong) (?:block|record|file|generation) (?:size|length|stamp|count)
        """,
    ),
    Rule(
        "bad_input",
        "data_ingestion_failed",
        DATA_DRIFT,
        "Input that cannot be read or is not what was expected: missing, malformed, cut short, of another schema.",
        r"""
        <cannot> (?:(?:be|to|the|any|from|input|correctly) ){0,3}(?:read(?:ing)?|pars(?:e|ed|ing)|decod(?:e|ed|ing)
            |ingest(?:ed|ing)?)
        <cannot> (?:be )?(?:deseriali[sz](?:e|ed|ing)|load(?:ing)? <a>(?:data|input|records?|partitions?))
        (?:read|pars(?:e|er|ing)|decod(?:e|er|ing)|deseriali[sz]ation|ingestion|number format|schema|format
            |syntax) <a><failed>
        malformed|truncated|(?:unexpected|premature|abrupt) (?:end of (?:file|input|data|stream)|eof)|eof ?exception
        input split (?:\S+ ){0,3}(?:<failed>|invalid|missing|lost)
        (?:<failed>|invalid|missing|bad|unreadable|<cannot> \w+) <a>input split
        (?:input|data|source) (?:path|file|director(?:y|ies)|set|partition)s? (?:\S+ ){0,3}(?:not exist|not found
            |missing|unreadable|empty)
        no such file or directory|file not found|(?:path|file) does not exist|enoent
        (?:invalid|unexpected|unknown|bad|illegal|missing) <a>(?:records?|rows?|columns?|fields?|input|data|format
            |schema|encoding|header)
        schema (?:\S+ ){0,3}(?:mismatch\w*|drift\w*|changed|incompatible|violation)|not (?:match|conform to) <a>schema
        (?:data|feature|concept|distribution) <a>(?:drift\w*|shift\w*|skew\w*)
        (?:data|record) (?:validation|quality) <a>(?:failed|failure)
        """,
    ),
    Rule(
        "executor_lost",
        "executor_failure",
        SYSTEM_CRASH,
        "A worker of a cluster died, was lost or came back with an error: executor, container, node manager, pod.",
        r"""
        (?:lost|losing|dead|failed|failing|unhealthy|crashed|missing) <worker>
        <worker> (?:\S+ ){0,6}?(?:is |was |has |have )?(?:been )?(?:lost|died|dead|failed|failure|crashed|unhealthy
            |disassociated)
        <worker> (?:\S+ ){0,6}?(?:is |was |has |have )?(?:been )?(?:evicted|killed|aborted|not running)
        <worker> (?:\S+ ){0,6}?(?:exited|terminated) (?:abnormally|unexpectedly)
        <worker> (?:\S+ ){0,8}?(?:non ?zero|exited with (?:\w+ )*9|exit (?:code|status)\W* ?9)
        failures? on (?:node|host|worker|machine)|crash ?loop|back ?off restarting|rpc client disassociated
        <cannot> (?:launch|start) <a><worker>
        (?:remov|blacklist|exclud)\w+ <a><worker> <some>(?:lost|failures?|errors?|dead)
        (?:node|host|worker) (?:\S+ ){0,2}(?:was |is |has been )?(?:black ?listed|marked (?:as )?(?:dead|lost
            |unhealthy|not ready))
        """,
    ),
    Rule(
        "hardware_failed",
        "system_crash",
        SYSTEM_CRASH,
        "A part of a machine failed: power, fan, temperature, processor, memory module.",
        r"""
        <part> (?:\S+ ){0,3}(?:failed|failure|fault|faulty|errors?|critical|dead|offline|lost|problem|alarm)
        <part> (?:\S+ ){0,3}not (?:\w+ )?functional
        (?:failed|faulty|bad|dead|defective) <part>|over ?heat\w*|over ?temp\w*
        temperature <some>(?:exceeds? (?:critical|shutdown)|too high|above threshold)
        machine check (?:exception|error|event|interrupt|\w+ error)|machine check: |nmi (?:received|for unknown)
        uncorrect(?:able|ed)|(?:parity|ecc|tlb|edram|bus|sram|ddr|cache) error|(?:double|multi) ?bit error
        power/control problem|power (?:module|outage|loss|lost)
        """,
    ),
    Rule(
        "crashed",
        "system_crash",
        SYSTEM_CRASH,
        "A system or program broke down: panic, fault, unhandled exception, unclean end.",
        r"""
        panic(?:ked)?|oops|kernel bug|bug: |seg(?:mentation )? ?fault|general protection|sig(?:segv|bus|abrt|ill|fpe)
        core dumped|dump(?:ed|ing) core|crash(?:ed|es|ing)|has stopped unexpectedly|stack (?:overflow|smashing)
        (?:unexpected|unclean|abnormal|emergency|abrupt) (?:system )?(?:shut ?down|re ?boot|restart|reset
            |termination|exit)
        (?:terminated|shut ?down|rebooted|restarted|died) (?:\S+ )?(?:abnormally|unexpectedly)
        died|terminated for reason|kernel terminated|bad page|unable to handle|abort signal|hit assert
        watchdog <some>(?:expired|bite|reset|trigger\w*|detected)|(?:soft|hard) ?lockup|hung task
            |blocked for more than
        dead ?lock(?:ed| detected)|halt asserted|system halted|cannot continue|stopping execution|unrecoverable
            |irrecoverable
        fatal (?:error|exception|signal|interrupt)|null pointer|(?:illegal|invalid) (?:instruction|opcode
            |memory access)
        (?:uncaught|unhandled|unexpected) <a>(?:exception|error|signal|fault)|threw an? <a>exception
            |exception in thread
        assert(?:ion)? <a>(?:fail\w*|error|condition)
        (?:node|system|server|machine|host) (?:\S+ ){0,3}(?:is down|went down|crashed|has failed|failed|failure)
        shutting down (?:\w+ ){0,3}(?:due to|because)
        """,
    ),
    Rule(
        "abnormal_exit",
        "job_failed",
        SYSTEM_CRASH,
        "A program ended, and its exit says that it was not well.",
        r"""
        exited (?:abnormally|unexpectedly)|abnormal(?:ly)? (?:exit\w*|terminat\w+|end\w*)|abend\w*|ended abnormally
        (?:exit|exited|exits|terminated|ended) (?:\w+ ){0,3}(?:code|status|value|rc|signal|with)\W{0,3}9
        non ?zero (?:exit|return|status)|(?:return|exit) (?:code|status)\W+9
        (?:killed|terminated) by signal|main process exited
        """,
    ),
    Rule(
        "work_failed",
        "job_failed",
        SYSTEM_CRASH,
        "A piece of work did not come to its end: job, task, command, service, request, start-up.",
        r"""
        <work> (?:\S+ ){0,5}?(?:is |was |were |has |have |had )?(?:been )?(?:failed|failing|fails|failure|aborted
            |aborting|errored)
        <work> (?:\S+ ){0,5}?(?:not started|rejected|could not be (?:started|completed|executed))
        (?:failed|failure|failing|aborted|aborting) (?:(?:to|of|the|a|an|for|in|on|running|starting
            |executing) ){0,3}<a><work>
        <cannot> (?:be )?(?:start|launch|run|complet|finish|commit|load|submit|spawn|bind|install|save
            |perform)(?:ed|e|ing)?
        <cannot> (?:be )?(?:execut|initiali[sz]|instantiat)(?:ed|e|ing)
        errors? (?:while |in |when |during |at )?(?:running|executing|starting|launching|initiali[sz]ing|committing
            |writing|loading)
        (?:state|status|transition\w*|changed|moved|from) (?:\S+ ){0,5}(?:to|=|:|is) ?(?:final )?(?:failed|fail
            |error|aborted)
        giving up|gave up|too many (?:failures|failed|retries|attempts|errors)|(?:retries|attempts) <a>(?:exhausted
            |exceeded)
        max(?:imum)? (?:number of )?<a>(?:retries|attempts) <a>(?:exceeded|reached)
        roll(?:ed|ing) back <a>(?:because|due|after)
        """,
    ),
)

# For lines to which no rule above applies. The five states have none for "failed, for an unknown reason": an error by
# the program's own word is no normal operation, and what failed is the program's own work, hence job_failed.
FALLBACKS = (
    Rule(
        "fatal_level",
        "system_crash",
        SYSTEM_CRASH,
        "No known words, but the line's level is FATAL: the program cannot go on.",
        levels=FATAL,
    ),
    Rule(
        "error_level",
        "job_failed",
        SYSTEM_CRASH,
        "No known words, but the line is an error: an operation of the program failed.",
        severities=("ERROR",),
    ),
    Rule(
        "warning",
        "unknown",
        NORMAL,
        "A warning that no rule explains: not normal, and no failure either.",
        severities=("WARN",),
    ),
    Rule(
        "mention",
        "unknown",
        NORMAL,
        "A line of information with a word of failure that no rule knows.",
        r"""
        fail(?:ed|ure|ures|s|ing)?|errors?|exceptions?|unable|could not|could ?n[o']?t|can ?not|abort(?:ed|ing)?|lost
            |killed
        """,
    ),
    Rule("normal", "normal_ops", NORMAL, "A line of information without a word of failure."),
)
LABEL_RULES = (*EVENT_RULES, *FALLBACKS)
NORMAL_RULE = FALLBACKS[-1].name

# The label rule of a window whose worst event is of a security type, under taxonomy "five".
SECURITY_RULE = "security"

# Name -> meaning of every label rule, for the datasheet.
MEANINGS = {rule.name: rule.meaning for rule in LABEL_RULES} | {
    SECURITY_RULE: "Taxonomy five: the window's worst event is a security event, which none of the five states has."
}
EVENT_TYPE_OF = {rule.name: rule.event_type for rule in LABEL_RULES}


def states_by_event_type(rules: Iterable[Rule]) -> dict[str, int]:
    """Event type -> its one state. Raises ValueError where two rules of one event type give different states."""
    first: dict[str, Rule] = {}
    for rule in rules:
        other = first.setdefault(rule.event_type, rule)
        if other.state != rule.state:
            raise ValueError(
                f"rules.py: the rules {other.name} and {rule.name} have the event type {rule.event_type}, but the "
                f"states {STATES[other.state]} and {STATES[rule.state]}. An event type has one state: give both rules "
                "the same state, or one of them another event type."
            )
    return {event_type: rule.state for event_type, rule in first.items()}


EVENT_STATES = states_by_event_type(LABEL_RULES)


def state_of(rule: str, taxonomy: Taxonomy) -> int:
    """State that a rule gives, by its name; security is Normal among five states."""
    event_type = EVENT_TYPE_OF[rule]
    return NORMAL if taxonomy == "five" and event_type in SECURITY else EVENT_STATES[event_type]


def states_of(column: str, taxonomy: Taxonomy) -> pl.Expr:
    """States of a column of names of rules."""
    states = {name: state_of(name, taxonomy) for name in EVENT_TYPE_OF}
    return pl.col(column).replace_strict(states, return_dtype=pl.Int8)


# Reasons for rejects. The first six are faults that the readers report (tasks/sources/lines.py, source.py).
REASONS = reasons(
    Reason("invalid_utf8", "quarantined", "The line is not valid UTF-8."),
    Reason("nul_bytes", "quarantined", "The line has NUL bytes."),
    Reason("line_too_long", "quarantined", "The line is too long to be a log line."),
    Reason("wrong_column_count", "quarantined", "The CSV row has more or fewer columns than its header."),
    Reason("bad_line_id", "quarantined", "The CSV row has no number as its LineId."),
    Reason("csv_header", "dropped", "The line is the header of a structured CSV."),
    Reason("no_header", "quarantined", "The line does not begin as its file's layout does, and continues no record."),
    Reason("bad_time", "quarantined", "The line's time is no day, hour or year that a log can have."),
    Reason("continuation", "dropped", "The line continues the record before it, such as a stack trace."),
    Reason("single_event_window", "dropped", "The window has one event, and the run was asked to drop such windows."),
)
