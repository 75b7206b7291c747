"""Rules of ds2_loghub."""

import re
from dataclasses import dataclass
from functools import cache

import polars as pl

from schemas import format_a
from schemas.ds2_loghub import (
    EVENT_STATES,
    FATAL,
    LEVELS,
    SECURITY,
    SEVERITIES,
)

# ---------------------------------------------------------------------------------------------------------------------
# Rules. A line is compared as `words_of` gives it: small letters; camelCase, snake_case and kebab-case taken apart;
# every number that is not zero is 9. So `java.net.NoRouteToHostException` reads "java.net.no route to host exception".
# One pattern a line, matched between word boundaries; <name> stands for FRAGMENTS[name]. Rust's regular expressions:
# linear time.

FRAGMENTS = {
    "a": r"(?:\w+ )?",  # perhaps a word
    "some": r"(?:\S+ ){0,4}",  # a few words
    "no": r"(?:zero|0|without(?: any| an?)?|free of|no)(?: \w+)?",
    # The four lists of nouns below end so that disk0, disk(s) and "services:" count too.
    "failed": "(?:failed|failure|fails|failing|aborted|exception|errors?)",
    "cannot": r"""
        (?:fail(?:ed|ure|s|ing)? (?:to|in|while|at)|unable to|can ?not|can[' ]?t|could not|could ?n[o']?t
        |errors?(?: while| in| when)?)
    """,
    "feature": """
        (?:fail(?:ures?|over)?|errors?|crash|panic|oom|oom killer|time ?out|checksum|verification|watchdog|corruption
        |checks?|machine check|exception|heart ?beat|retry|deadlock|link)
    """,
    "store": r"""
        (?:disks?|drives?|[hsv]d[a-z]|ata\d+\S*|nvme\w*|volumes?|raid|array|lun|scsi|sata|ssd|hdd|storage|mount|nfs|san
        |file ?systems?|(?:ext\d|xfs|btrfs|zfs|lustre|gpfs|reiserfs|jfs)\w*(?: fs)?|inode|superblock
        |block device)\d*(?:[^\w\s]\S*)?
    """,
    "part": r"""
        (?:power(?: supply)?|psu|fan|cpu|processor|dimm|memory module|temperature|thermal|motherboard|board|midplane
        |node ?card|service card|link card|chassis|bmc|ipmi|hardware|clock|voltage|battery|pci|gpu)\d*(?:[^\w\s]\S*)?
    """,
    "worker": r"""
        (?:executors?|workers?|containers?|task ?managers?|task ?trackers?|node ?managers?|data ?nodes?
        |region ?servers?|agents?|slaves?|replicas?|pods?|brokers?)\d*(?:[^\w\s]\S*)?
    """,
    "work": r"""
        (?:jobs?|sub ?jobs?|tasks?|attempts?|stages?|applications?|apps?|commands?|sub ?commands?|scripts?|services?
        |process(?:es)?|units?|daemons?|modules?|builds?|deployments?|backups?|quer(?:y|ies)|transactions?|requests?
        |steps?|workflows?|pipelines?|instances?|operations?|batch|cron|startup|start|boot|shutdown|cleanup|commit|update
        |upgrade|install(?:ation)?|launch|migration|initiali[sz]ation|maps?|reduces?|compaction|replication|snapshot
        |checkpoint|registration|registering|scheduling|allocation|election)\d*(?:[^\w\s]\S*)?
    """,
}


@cache
def _pattern(words: str) -> str:
    """One regular expression of patterns that stand one a line."""
    pattern = _joined(words)
    for name, fragment in FRAGMENTS.items():
        pattern = pattern.replace(f"<{name}>", _joined(fragment))
    return rf"\b(?:{pattern})(?:\b|\W|$)"


def _joined(lines: str) -> str:
    """Lines as alternatives; one that begins with | goes on with the line before it."""
    return re.sub(r"\s*\n\s*\|?", "|", lines.strip())


@dataclass(frozen=True)
class Rule:
    """One label rule: its name, the event type it gives, in words what it looks at, and its patterns, one a line.

    Only lines of `severities` are asked.
    """

    id: str
    event_type: str
    meaning: str
    words: str = ""
    severities: tuple[str, ...] = SEVERITIES


EVENT_RULES = (
    Rule(
        "authentication_failed",
        "auth_failure",
        "someone could not prove who they are: wrong password, unknown user, refused ticket, break-in attempt",
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
        "someone known was not allowed to do something: permission or access denied, forbidden by a policy",
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
        "no room to write: disk, volume, file system or quota is full",
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
        "storage that cannot be reached or trusted: failed disks and mounts, I/O errors, missing blocks, lost servers",
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
        "memory ran out: killed for memory, allocation failed, heap or limit exceeded",
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
        "another resource ran out: file handles, threads, processor time, leases, room in a pool, queue or cache",
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
        "a host, service or name could not be reached",
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
        "an answer did not come in time",
        "timed ?out|time ?outs?|etimedout|deadline (?:was )?exceeded",
    ),
    Rule(
        "connection_lost",
        "network_issue",
        "a connection was refused, reset or broke off",
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
        "a connection that has to be tried again, told as a warning or error (told as information it is normal)",
        r"""
        re ?try(?:ing)? (?:to )?connect\w*|already tried
        re ?connect(?:ing|ion)? (?:\S+ ){0,3}(?:attempt|failed)
        """,
        ("WARN", "ERROR"),
    ),
    Rule(
        "link_error",
        "network_issue",
        "the network itself is at fault: link errors, interface or carrier down, packets lost",
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
        "data that does not agree with itself: checksum, verification, corrupt blocks",
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
        "input that cannot be read or is not what was expected: missing, malformed, cut short, of another schema",
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
        "a worker of a cluster died, was lost or came back with an error: executor, container, node manager, pod",
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
        "a part of a machine failed: power, fan, temperature, processor, memory module",
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
        "a system or program broke down: panic, fault, unhandled exception, unclean end",
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
        "a program ended, and its exit says that it was not well",
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
        "a piece of work did not come to its end: job, task, command, service, request, start-up",
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

# What follows when no rule above speaks. The five states have none for "failed, for a reason we cannot name": an error
# by the program's own word is no normal operation, and what failed is the program's own work, hence job_failed.
FALLBACKS = (
    Rule("fatal_level", "system_crash", "no words known, but the program says at level FATAL that it cannot go on"),
    Rule("error_level", "job_failed", "no words known, but the line is an error: an operation of the program failed"),
    Rule("warning", "unknown", "a warning that no rule explains: not normal, and no failure either"),
    Rule("mention", "unknown", "information that speaks of a failure no rule knows"),
    Rule("normal", "normal_ops", "information, and no word of failure"),
)
MENTIONS = r"""
    fail(?:ed|ure|ures|s|ing)?|errors?|exceptions?|unable|could not|could ?n[o']?t|can ?not|abort(?:ed|ing)?|lost
        |killed
"""
SECURITY_RULE = "security"

# Rule id -> what it looks at, for the datasheet.
RULES = {rule.id: rule.meaning for rule in (*EVENT_RULES, *FALLBACKS)} | {
    SECURITY_RULE: "taxonomy five: the worst event of the window is a security event, which none of the five states has"
}
SPOKEN = tuple(rule.id for rule in EVENT_RULES)
EVENT_TYPE_OF = {rule.id: rule.event_type for rule in (*EVENT_RULES, *FALLBACKS)}

# (reads as, patterns): what must not be taken for a failure, replaced in this order before any rule is asked.
HARMLESS = (
    # an end of patience is an event, its length a setting: "timeout of 30 s exceeded", "timeout = 30 s"
    ("timed out", r"time ?outs? (?:of|after) \S+ ?\w* (?:exceeded|expired|elapsed|reached)"),
    (
        "",
        r"""
        time ?outs?(?: (?:ms|seconds|value|interval|threshold|period|policy))?\W*(?:is|are|was|of|set to|to
            |in)?\W*\b[09]\w*
        (?:keep ?alive|idle|default|session|max|set|setting|configured|negotiated) time ?outs?(?: for)?
        """,
    ),
    ("failed", r"(?:without|not|no) success\w*|unsuccessful\w*"),
    # said to be absent, or mended
    (
        "",
        r"""
        <no> (?:errors?|failures?|failed|exceptions?|warnings?|time ?outs?|corruption|panics?|crash(?:es)?|conflicts)
        <no> (?:losses|denied|lost|dead|missing|killed|aborted|rejected|dropped)
        (?:not|never|nothing|none|didn[' ]?t) (?:fail(?:ed)?|time ?out|timed out|lost|corrupt(?:ed)?|crash(?:ed)?
            |killed)
        (?:errors?|fail(?:ures?|ed)|exceptions?|warnings?|lost|corrupt\w*|time ?outs?|timed ?out
            |denied)(?: \w+)?\s*[=:]+\s*(?:0|none|null|false)
        (?:killed|dead|missing|dropped)(?: \w+)?\s*[=:]+\s*(?:0|none|null|false)
        (?:errors?(?:\(s\))?|failures?|faults?|corruption) (?:\([^)]*\) )?(?:(?:was|were|is|are|has|have|been|now
            |detected|and|successfully) )*(?:corrected|recovered|cleared|resolved|fixed|repaired)
        (?:recover(?:ed|ing)|retried|reconnected) (?:\w+ ){0,2}(?:from|after) (?:\w+ ){0,4}(?:errors?|failures?
            |time ?outs?|reset|refused|lost|crash|loss)
        """,
    ),
    ("ecc error", r"(?:memory|dram|dimm|cache) (?:read|write|scrub\w*) error"),
    # names and settings, not events; and what ends on purpose
    (
        "",
        r"""
        (?:max(?:imum)?|min(?:imum)?|allowed) (?:\w+ ){0,3}(?:failures|errors|retries|attempts)(?: per \w+)?\s*(?:=
            |:|is|set to)
        <feature> (?:\w+ ){0,3}(?:enabled?|disabled?|supported|registered|installed|initiali[sz]ed|started|support
            |architecture)
        <feature> (?:\w+ ){0,3}(?:handlers?|detection|detector|reporter|reporting|policy|threshold|monitor(?:ing)?
            |report|log|logs)
        <feature> (?:\w+ ){0,3}(?:stream|codes?|count)
        (?:killed|kill|terminated|preempted|aborted) (?:by|on|at|upon) (?:(?:the|a|an) )?(?:user|request
            |application ?master|driver)
        (?:killed|kill|terminated|preempted|aborted) (?:by|on|at|upon) (?:(?:the|a|an) )?(?:client|admin\w*
            |operator|scheduler)
        """,
    ),
)

# A mild line that says it went well is normal, whatever else it mentions, unless it also counts failures.
WELL = r"""
    success(?:ful|fully)?|succeeded|recovered|restored|re ?established|reconnected|resolved|passed
    back online|came back|healthy again
"""
COUNTS_FAILURES = r"9 <a>(?:failed|failures|errors|lost|killed|corrupt)|failed\b.*\b9"

# Severity from words, for lines without a level; the first that speaks decides. Security events are warnings: the guard
# did its work, and syslog's own auth facility logs them as notices.
SEVERITY_WORDS = (
    ("WARN", "\n".join(rule.words for rule in EVENT_RULES if rule.event_type in SECURITY)),
    (
        "ERROR",
        r"""
        errors?|fail(?:ed|ure|ures|s|ing)?|fatal|panic(?:ked)?|critical|emerg(?:ency)?|alert|severe|crash(?:ed|es
            |ing)?
        abort(?:ed|ing)?|abnormal(?:ly)?|corrupt(?:ed|ion)?|mismatch\w*|kill(?:ed|ing) process|out of memory|oops
        segfault|machine check exception
        unrecoverable|uncorrectable|cannot continue|no space left|died|dead|halted|is full|no server for
            |no longer served|lost
        """,
    ),
    (
        "WARN",
        r"""
        warn(?:ing)?s?|not ?responding|no (?:response|reply)|timed ?out|time ?outs?|refused|reset by peer|un ?reachable
        unavailable|degraded|exceed(?:s|ed|ing)?|over ?heat\w*|unable|can ?not|can[' ]?t|could not|could ?n[o']?t
        not connected|no route|broken|missing|invalid|link (?:is )?down|went down|is down|overflow
            |throttl\w+
        unexpected\w*|re ?try\w*|inconsistent|problems?
        """,
    ),
)


def words_of(texts: pl.Expr) -> pl.Expr:
    """Texts as the rules read them, before HARMLESS: see the head of the rules."""
    parted = texts.str.replace_all(r"([a-z])([A-Z])", "${1} ${2}").str.replace_all(r"[_\-\s]+", " ")
    return parted.str.to_lowercase()


def _state_of(rule: str, taxonomy: format_a.Taxonomy) -> pl.Expr:
    """States of a column of rules."""
    states = {name: _state(name, taxonomy) for name in EVENT_TYPE_OF}
    return pl.col(rule).replace_strict(states, return_dtype=pl.Int8)


def _state(rule: str, taxonomy: format_a.Taxonomy) -> int:
    """State that a rule gives; security is Normal among five states."""
    event_type = EVENT_TYPE_OF[rule]
    return format_a.NORMAL if taxonomy == "five" and event_type in SECURITY else EVENT_STATES[event_type]


def judge(lines: pl.DataFrame) -> list[pl.Series]:
    """Severity and rule of each line. `lines`: level (as written, null: none), text (every number not zero is 9)."""
    text = words_of(pl.col("text"))
    for reading, words in HARMLESS:
        text = text.str.replace_all(_pattern(words), f"{reading} ")
    told = lines.select(words=text, level=pl.col("level").str.to_uppercase())
    by_level = pl.col("level").replace_strict(LEVELS, default=None, return_dtype=pl.String)
    told = told.with_columns(level_severity=by_level)
    well = _says(WELL) & ~_says(COUNTS_FAILURES)
    told = told.with_columns(severity=pl.coalesce("level_severity", _severity_from_words(well)))
    told = told.with_columns(rule=_first_rule(well & (pl.col("severity") == "INFO")))
    # The words of a rule are words too: a line without a level, of which a rule speaks, is at least a warning.
    worded = pl.col("level_severity").is_null() & (pl.col("severity") == "INFO") & pl.col("rule").is_in(SPOKEN)
    told = told.with_columns(severity=pl.when(worded).then(pl.lit("WARN")).otherwise("severity"))
    return [told["severity"], told["rule"]]


def _says(words: str) -> pl.Expr:
    """Whether one of the patterns speaks."""
    return pl.col("words").str.contains(_pattern(words))


def _severity_from_words(well: pl.Expr) -> pl.Expr:
    severity = pl.lit("INFO")
    for name, words in reversed(SEVERITY_WORDS):
        severity = pl.when(_says(words)).then(pl.lit(name)).otherwise(severity)
    return pl.when(well).then(pl.lit("INFO")).otherwise(severity)


def _first_rule(fine: pl.Expr) -> pl.Expr:
    """Id of the first rule that speaks; `normal` for lines that are `fine`."""
    rule = (
        pl.when(pl.col("level").is_in(FATAL))
        .then(pl.lit("fatal_level"))
        .when(pl.col("severity") == "ERROR")
        .then(pl.lit("error_level"))
        .when(pl.col("severity") == "WARN")
        .then(pl.lit("warning"))
        .when(_says(MENTIONS))
        .then(pl.lit("mention"))
        .otherwise(pl.lit("normal"))
    )
    for candidate in reversed(EVENT_RULES):
        asked = pl.col("severity").is_in(candidate.severities)
        rule = pl.when(_says(candidate.words) & asked).then(pl.lit(candidate.id)).otherwise(rule)
    return pl.when(fine).then(pl.lit("normal")).otherwise(rule)
