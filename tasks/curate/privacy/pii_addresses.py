"""E-mail, IPv4 and IPv6 addresses in text, and the look-alikes that are none. Pure.

What is an address and what is not is a matter of policy; this is ours.

- *E-mail*: any local part at a domain whose last label is a word of two or more letters. Kept: domains set aside for
  documentation and tests (RFC 2606, RFC 6761: example.com/.net/.org, `.example`, `.test`, `.invalid`, `.localhost`),
  `localhost`, the shared accounts `git@`, `hg@` and `svn@` of code forges, versions (`pkg@1.2.3-rc.one`), files
  (`icon@2x.png`) and systemd instances (`getty@tty1.service`). `noreply@` addresses are caught like any other.
- *IPv4 and IPv6*: every single address, private ones included: an internal address still says whose network it is.
  Kept: loopback, unspecified and `0.x`, netmasks and broadcast, documentation ranges (RFC 5737, RFC 3849), blocks
  in CIDR notation, and dotted quads that are versions by the text around them.
"""

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_network

Found = tuple[int, int, str]  # start, end, kind: characters of the text

LATIN = "0-9A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u017f"  # letters with diacritics belong to names; Han does not

# The first character of a value may follow an escape (`"\nalice@..."`), whose letter is no part of it.
_ESCAPED = r"(?<=\\[nrtbf])|(?<=\\u[0-9A-Fa-f]{4})|(?<=%[0-9A-Fa-f]{2})"


def words(text: str) -> frozenset[str]:
    """The words of a text, for a list of them that can be read and edited as one."""
    return frozenset(text.split())


def after(glued: str) -> str:
    """Look-behind: no character of the class `glued` is before, an escape sequence apart."""
    return rf"(?:(?<![\\%{glued}])|(?<=\\)(?![nrtbfu])|{_ESCAPED})"


EMAIL = re.compile(
    rf"{after(LATIN + r'_.+$-')}(?P<local>[{LATIN}_][{LATIN}._+-]{{0,63}})(?:@|%40)"
    rf"(?P<domain>(?:[{LATIN}][{LATIN}-]{{0,62}}\.){{1,8}}[A-Za-z]{{2,24}})(?![{LATIN}_(])"
)
FORGE_ACCOUNTS = frozenset({"git", "hg", "svn"})
RESERVED_DOMAIN = re.compile(
    r"(?:^|\.)(?:example\.(?:com|net|org)|example|test|invalid|localhost|localdomain)$", re.IGNORECASE
)
# Last labels that are file names, systemd units or attributes of a value multiplied with `@`, and no domain.
NO_DOMAIN = words(
    "png jpg jpeg gif svg webp ico bmp css scss less js mjs cjs jsx ts tsx json yaml yml xml html htm txt csv"
    " toml tar gz tgz zip jar whl exe dll log lock conf cfg ini patch diff java cpp go kt swift service socket"
    " timer target mount automount slice scope device shape grad data mean sum transpose values dtype size item"
    " view reshape astype dot copy"
)
ALGORITHM_DOMAIN = frozenset({"openssh.com", "libssh.org", "lysator.liu.se"})  # RFC 4251: aes256-gcm@openssh.com
VERSION_DOMAIN = re.compile(r"v?[0-9]+\.[0-9]")

_QUAD = r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}"
_WILDCARD_DNS = r"\.(?:nip|sslip|xip)\.io\b"  # names that spell their address
IPV4 = re.compile(rf"{after('0-9A-Za-z_')}{_QUAD}(?![0-9A-Za-z_])(?!\.(?!(?:nip|sslip|xip)\.io\b)[0-9A-Za-z])")
CIDR = re.compile(r"/(?:3[0-2]|[12]?[0-9])(?![0-9A-Za-z.])")
VERSION_BEHIND = re.compile(
    r"-[A-Za-z.]|[+~][0-9A-Za-z]"  # 1.2.3.4-alpine, 1.2.3.4+build, and the coordinates of a drawing: 1.2.3.4-.5
    r"|/[A-Za-z][^\s:]*\.[A-Za-z]"  # 1.2.3.4/name.jar
    r"|\]?\s*[(/-]\s*(?:[0-9]{4}-[0-9]{2}|[Uu]nreleased)"  # a change log's heading: 1.2.3.4 (2020-01-31)
)
_VERSION_WORD = (
    r"(?:[Vv]ersions?|VERSIONS?|(?:(?<![A-Za-z])|(?<=[a-z])(?=[A-Z]))(?i:ver|v|releases?|tags?|rev|revision|builds?"
    r"|charts?|section|sec|chapter|appendix|clause|oid|sdk|firmware|kernel|driver|patch|since|milestone|fixed in))"
)
VERSION_BEFORE = re.compile(
    r"\u00a7\s?$|"  # a section of a standard
    rf"{_VERSION_WORD}_*[\"'`\])]*\s*(?:is|was|to|from|no\.?|number|=>|==?|:=|:|>|\(|,|#)?\s*[\"'`(\[v]*$"
    rf"|{_VERSION_WORD}[\"'`]?\s*[:=]\s*\[[\s0-9.,\"'`v-]*$"  # a list of versions
    r"|(?i:upgrad|downgrad|bump)\w*\b[^\n]{0,40}$"
    r"|(?:[<>~]=|~>|[~^]|[0-9],\s?[<>])\s?[\"']?$"  # a requirement
    r"|^\s*#{2,}\s*\[?$"  # a change log's heading
    r"|^\s*gem\s[^\n]*$"
    r"|(?i:address_?prefix)[\"']?\s*[:=]\s*[\"']?$"  # a block, whose length stands beside: addressPrefix, prefixLen
)
# The word glued before an address by one of `:/-=`, when it introduces a host and is not a name with its version.
_HOST_WORD = re.compile(
    r"-{0,2}(?:\w+[._])?(?i:ip[46]?|inet6?|dns|tcp|udp|https?|src|dst|to|from|by|via|peer|nodes?|bind|listen|routes?|gateway"
    r"|gw|(?:name)?servers?|master|worker|client|remote|local|proxy|target|endpoint|localhost|addr(?:ess)?|host(?:name)?)"
    r"[-0-9]*"
)
OBJECT_ID = re.compile(r"2\.5\.(?:4|29)\.|1\.3\.6\.1$")  # X.500's attributes and extensions; SNMP's root
_NUMBER_BEFORE = re.compile(r"(?<![0-9.])[0-9.-]*\.[0-9]+[ ,]$")
_GLUED_WORD = re.compile(r"[A-Za-z0-9_./-]*$")

RESERVED_NETWORKS = tuple(
    ip_network(block) for block in ("0.0.0.0/8", "127.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
)
NETMASK = re.compile(r"1*0*")

# Groups joined by colons; the last may be followed by a dotted quad. What it means is asked of `ipaddress`.
IPV6 = re.compile(
    rf"(?:(?<![0-9A-Za-z_:.\]])|(?<=[A-Za-z]:)|(?<=\\[nrt]))"
    rf"(?P<address>(?:[0-9A-Fa-f]{{0,4}}:){{2,7}}(?:{_QUAD}|[0-9A-Fa-f]{{1,4}})|(?:[0-9A-Fa-f]{{1,4}}:){{1,7}}:)"
    r"(?P<zone>%[0-9A-Za-z]+)?(?![0-9A-Za-z_])"
)
DOCUMENTATION_6 = ip_network("2001:db8::/32")
CIDR_6 = re.compile(r"/[0-9]{1,3}(?![0-9A-Za-z])")

# What a line must contain to be examined: see `tasks.curate.privacy.pii`.
EMAIL_ANCHORS = (rf"@[{LATIN}][{LATIN}-]*\.", rf"%40[{LATIN}][{LATIN}-]*\.")
EMAIL_SCAN = rf"[{LATIN}_.+-](?:@|%40)[{LATIN}][{LATIN}-]*\."
IPV4_ANCHORS = (r"\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]",)
IPV6_ANCHORS = (r":[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{1,4}:", r"::[0-9A-Fa-f]", r":[0-9A-Fa-f]{1,4}::")
# `std::abs` and `12:34:56:78` would pick many a text.
IPV6_SCAN = (
    r"(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]|(?:(?-u:\b)|\\[nrt])[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4})*::[0-9A-Fa-f]"
    r"|[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{1,4}::"
    r"|(?:[^0-9A-Za-z_:]|^|[A-Za-z]:|\\[nrt])::(?:[0-9A-Fa-f]{1,4}:|[0-9]{1,3}\.[0-9])"
    r"|(?:[0-9A-Fa-f]{1,4}:){6}[0-9]{1,3}\.[0-9]"
)


def emails(text: str, start: int, end: int) -> Iterator[Found]:
    """Each e-mail address on the line `text[start:end]`."""
    return ((*m.span(), "email") for m in EMAIL.finditer(text, start, end) if is_email(m))


def ipv4s(text: str, start: int, end: int) -> Iterator[Found]:
    """Each IPv4 address on the line `text[start:end]`."""
    return ((*m.span(), "ipv4") for m in IPV4.finditer(text, start, end) if is_ipv4(m, start))


def ipv6s(text: str, start: int, end: int) -> Iterator[Found]:
    """Each IPv6 address on the line `text[start:end]`."""
    return ((*m.span(), "ipv6") for m in IPV6.finditer(text, start, end) if is_ipv6(m))


def is_email(match: re.Match[str]) -> bool:
    """Whether a match of EMAIL is somebody's address by the policy above."""
    domain = match["domain"].lower()
    return not (
        RESERVED_DOMAIN.search(domain)
        or domain.rpartition(".")[2] in NO_DOMAIN
        or VERSION_DOMAIN.match(domain)
        or domain in ALGORITHM_DOMAIN
        or match["local"].lower() in FORGE_ACCOUNTS
    )


def is_ipv4(match: re.Match[str], start: int) -> bool:
    """Whether a match of IPV4, on the line that begins at `start`, is a host's address by the policy above."""
    octets = match[0].split(".")
    if any(len(octet) > 1 and octet[0] == "0" for octet in octets) or max(map(int, octets)) > 255:
        return False
    return not _is_reserved(IPv4Address(match[0])) and not _is_version(match, start)


def _is_reserved(address: IPv4Address) -> bool:
    return any(address in network for network in RESERVED_NETWORKS) or (
        int(address) >> 24 == 255 and NETMASK.fullmatch(f"{int(address):032b}") is not None
    )


def _is_version(match: re.Match[str], start: int) -> bool:
    text, at = match.string, match.start()
    before = text[max(start, at - 64) : at]
    if before.endswith("//"):
        return False
    if CIDR.match(text, match.end()) or VERSION_BEHIND.match(text, match.end()) or OBJECT_ID.match(match[0]):
        return True
    if (number := _NUMBER_BEFORE.search(before)) and number[0].count(".") != 3:
        return True  # among the coordinates of a drawing
    return _is_glued(before, text[at:]) if before[-1:] in set("-/:=.") else bool(VERSION_BEFORE.search(before))


def _is_glued(before: str, rest: str) -> bool:
    """Whether what is glued before a dotted quad makes it a version: `name-`, `name/`, `name:`, `name==`."""
    glue = before[len(before.rstrip("-/:=.")) :]
    word = _GLUED_WORD.search(before.removesuffix(glue))[0]  # type: ignore[index]  # matches the empty word too
    if _HOST_WORD.fullmatch(word):
        return False
    if glue[-1] == ".":
        return not (glue == ".." or re.match(_QUAD + _WILDCARD_DNS, rest))
    if glue[-1] == "=":
        return len(glue) > 1 or bool(VERSION_BEFORE.search(before))
    if glue == "/" and re.match(_QUAD + ":[0-9]", rest):
        return False  # as Java prints a socket: worker-a/10.1.2.3:8020
    return any(map(str.isalpha, word)) or bool(VERSION_BEFORE.search(before))


def is_ipv6(match: re.Match[str]) -> bool:
    """Whether a match of IPV6 is a host's address, and not a scope, a slice, a time, a MAC or a reserved one."""
    try:
        address = IPv6Address(match["address"])
    except AddressValueError:
        return False
    if address.is_loopback or address.is_unspecified or address in DOCUMENTATION_6:
        return False
    if CIDR_6.match(match.string, match.end()) and not match.string.endswith("//", 0, match.start()):
        return False
    return _is_spelled_as_address(match)


def _is_spelled_as_address(match: re.Match[str]) -> bool:
    """`abc::def` is C++, `1::2` a slice and eight pairs of digits a hardware address, though all parse as IPv6."""
    groups = [group for group in match["address"].split(":") if group]
    if "::" not in match["address"]:
        return any(len(group) > 2 for group in groups)
    if match.string.endswith(("//[", "@["), 0, match.start()) or "." in match["address"]:
        return True
    if groups[0].lower().startswith(("fe80", "fd", "fc")) and len(groups[0]) == 4:
        return True
    if len(groups) > 2:
        return any(len(group) > 2 or not group.isdigit() for group in groups) and any(g[0].isdigit() for g in groups)
    return (
        len(groups) == 2 and groups[0][0].isdigit() and any(len(g) > 2 and _has_digits_and_letters(g) for g in groups)
    )


def _has_digits_and_letters(group: str) -> bool:
    return not group.isdigit() and not group.isalpha()
