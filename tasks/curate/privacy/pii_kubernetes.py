"""The data of a Kubernetes Secret, in YAML and in JSON: every value under `data` and `stringData` is a secret. Pure."""

import re
from collections.abc import Iterator

from tasks.curate.privacy.pii_addresses import Found
from tasks.curate.privacy.pii_literals import NEAR, REFERENCE
from tasks.curate.privacy.pii_values import FAR, PROPERTIES, TO_COMMENT, indent_of, lines_below, rest_of_line

SECRET = re.compile(r"^(?P<indent>[ \t]*(?:- +)?)kind:[ \t]*[\"']?Secret[\"']?[ \t]*(?:#.*)?\r?$", re.MULTILINE)
SECRET_JSON = re.compile(r"[\"']kind[\"']\s*:\s*[\"']Secret[\"']")
SECRET_ANCHORS = (r"kind[\"']?[ \t]*:[ \t]*[\"']?secret[^a-z]", r"kind[\"']?[ \t]*:[ \t]*secret$")
DATA = re.compile(r"[\"']?(?:data|stringData)[\"']?:[ \t]*(?P<flow>\{[^\n]*)?(?:#.*)?\r?$")
ENTRY = re.compile(r"(?P<indent>[ \t]*)(?:\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[^\s#:'\"{][^\n:]*)[ \t]*:[ \t]+")
OBJECT = re.compile(r"[\"'](?:data|stringData)[\"']\s*:\s*\{(?P<body>[^{}]*)\}")
JSON_ENTRY = re.compile(
    r"[\"'][^\"'\n]+[\"']\s*:\s*[\"'](?P<value>(?:[^\"\\\n]|\\.)+?)[\"']|[\w.-]+:\s+(?P<bare>[^\s,{}\"']+)"
)


def secret_data(text: str, start: int, end: int) -> Iterator[Found]:
    """The values under `data` and `stringData` of the Kubernetes Secret whose `kind` is on a line of a text."""
    if match := SECRET.match(text, start, end):
        yield from _yaml_secret(text, start, end, len(match["indent"]))
    done = 0
    for match in SECRET_JSON.finditer(text, start, end):
        if match.start() >= done:
            begin, done = _json_object(text, match.start())
            for body in OBJECT.finditer(text, begin, done):
                yield from _flow_entries(text, *body.span("body"))


def _yaml_secret(text: str, start: int, end: int, column: int) -> Iterator[Found]:
    lines = list(_mapping_lines(text, start, end, column))
    for i, (begin, stop) in enumerate(lines):
        if indent_of(text, begin, stop) == column and (data := DATA.match(text, begin + column, stop)):
            if data["flow"]:
                yield from _flow_entries(text, data.start("flow"), stop)
            yield from _data_lines(text, lines[i + 1 :], column)


def _mapping_lines(text: str, start: int, end: int, column: int) -> Iterator[tuple[int, int]]:
    """The lines of the mapping at `column` around the line `text[start:end]`, in order."""
    above: list[tuple[int, int]] = []
    first = "-" in text[start : start + column]
    begin = start
    while begin > 0 and not first and len(above) < FAR:
        stop = begin - 1
        begin = text.rfind("\n", 0, stop) + 1
        if _ends_mapping(text, begin, stop, column):
            break
        above.append((begin, stop))
        first = "-" in text[begin : begin + column] and indent_of(text, begin, stop) == column
    yield from reversed(above)
    for line in lines_below(text, end, most=FAR):
        if _ends_mapping(text, *line, column) or "-" in text[line[0] : line[0] + column]:
            return
        yield line


def _ends_mapping(text: str, start: int, end: int, column: int) -> bool:
    line = text[start:end].strip()
    if not line or line.startswith(("#", "{{")):
        return False
    indent = indent_of(text, start, end)
    return line.startswith(("---", "```")) or indent < column or (indent == column and line.startswith("kind:"))


def _data_lines(text: str, lines: list[tuple[int, int]], column: int) -> Iterator[Found]:
    for begin, stop in lines:
        content = text[begin:stop].strip()
        if content and not content.startswith(("#", "{{")) and indent_of(text, begin, stop) <= column:
            return
        if entry := ENTRY.match(text, begin, stop):
            at = entry.end()
            if properties := PROPERTIES.match(text, at, stop):
                at = properties.end()
            for value in rest_of_line(text, at, stop, TO_COMMENT):
                if not is_blank(value.text):
                    yield value.start, value.end, "k8s_secret_data"


def is_blank(value: str) -> bool:
    """Whether an entry of a Secret has no value of its own: none, or a reference to one."""
    return value in {"null", "~", "{}", "[]"} or value.startswith(("#", "*")) or REFERENCE.search(value) is not None


def _flow_entries(text: str, start: int, end: int) -> Iterator[Found]:
    for match in JSON_ENTRY.finditer(text, start, end):
        group = "value" if match["value"] else "bare"
        if not is_blank(match[group]):
            yield *match.span(group), "k8s_secret_data"


def _json_object(text: str, at: int) -> tuple[int, int]:
    """About where the object around the `kind` at `at` begins and ends: before another's, or some way off."""
    begin, end = max(0, at - FAR * NEAR), min(len(text), at + FAR * NEAR)
    for edge in ('"apiVersion"', '"Secret"'):
        begin = max(begin, text.rfind(edge, begin, at))
        after = text.find(edge, text.find("Secret", at, end) + 1, end)
        end = after if after >= 0 else end
    return begin, end
