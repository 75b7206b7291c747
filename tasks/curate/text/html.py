"""HTML of posts and pages as Markdown text: `markdown(html)`. Pure, linear, and never an error: bad HTML has a meaning.

Kept: paragraphs, lists, headings, quotes, tables' rows; `<pre>` as a fenced block with every character of it, inline
`<code>` in backticks, links as [text](address). Dropped: scripts, styles, and what else is no text. Entities are
decoded. Characters that show nothing but change what is shown (NUL, other controls, bidirectional overrides) are
removed. What is nested deeper than the parser goes is lost.
"""

import html as entities
import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from lxml import etree

DROPPED: Final = frozenset(
    {"script", "style", "noscript", "template", "iframe", "object", "embed", "svg", "math", "head", "title", "button"}
)
_BLOCKS = """
p div ul ol dl dt dd table thead tbody tr blockquote section article aside header footer figure form address
details summary main nav h1 h2 h3 h4 h5 h6
"""
BLOCKS: Final = frozenset(_BLOCKS.split())
EMPHASIS: Final = {"strong": "**", "b": "**", "em": "*", "i": "*"}
HEADING: Final = re.compile(r"h[1-6]")
TAG: Final = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]*(?:\s[^<>]*)?/?>")
ESCAPED_TAG: Final = re.compile(r"&lt;/(?:p|pre|code|ul|ol|li|a|strong|em|blockquote|div|h[1-6])&gt;")
SPACE: Final = re.compile(r"[ \t\n\r\f\v\u00a0]+")
# Controls but tab and line ends; bidirectional marks, embeddings, overrides and isolates; zero-width spaces; BOM.
INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufffe\uffff]"
)
BLANK_LINES: Final = re.compile(r"[ \t]*\n[ \t]*(?:\n[ \t]*)+")
FENCE: Final = re.compile(
    r"^(?P<fence>`{3,})(?P<language>[^\n`]*)\n(?P<code>.*?)\n?^(?P=fence)[ \t]*$", re.MULTILINE | re.DOTALL
)
LANGUAGE: Final = re.compile(r"\blang(?:uage)?-([\w+#-]+)")


def visible(text: str) -> str:
    """Text without characters that show nothing, in the composed form of Unicode, lines ending in a newline alone."""
    unix = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", INVISIBLE.sub("", unix))


def plain(text: str) -> str:
    """One line of a title: entities decoded, spaces single."""
    return SPACE.sub(" ", visible(entities.unescape(text))).strip()


def markdown(html: str) -> str:
    """HTML as Markdown. Text without any tag is taken as Markdown already; HTML escaped once too often is unescaped."""
    if not TAG.search(html):
        if not ESCAPED_TAG.search(html):
            return visible(entities.unescape(html)).strip()
        html = entities.unescape(html)
    root = _html_tree(html)
    return "" if root is None else visible(_Writer().written(root))  # entities may have hidden what visible() removes


def _html_tree(html: str) -> etree._Element | None:
    """Root of the parsed page, None for one without content. NUL would end the parser's text."""
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True)
    data = visible(html).encode("utf-8", "replace")
    return etree.fromstring(b"<html><body>" + data + b"</body></html>", parser) if data.strip() else None


class _Writer:
    """Walks a tree once and writes its text; `_open` is what each open element still has to write at its end."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._open: list[str] = []
        self._lists: list[int] = []  # number of the last item of each open list; -1 where items have no number
        self._skipped = 0  # depth below a dropped element

    def written(self, root: etree._Element) -> str:
        walk = etree.iterwalk(root, events=("start", "end"))
        for event, element in walk:
            tag = element.tag if isinstance(element.tag, str) else ""
            if event == "start" and tag == "pre" and not self._skipped:
                self._add_code_block(element)
                walk.skip_subtree()
                self._open.append("\n\n")
            elif event == "start":
                self._start_element(element, tag)
            else:
                self._end_element(element, tag)
        return _without_extra_space("".join(self._out))

    def _start_element(self, element: etree._Element, tag: str) -> None:
        self._skipped += tag in DROPPED
        if self._skipped:
            self._open.append("")
            return
        before, after = self._marks_around(element, tag)
        self._out.append(before)
        self._open.append(after)
        self._add_text(element.text)

    def _end_element(self, element: etree._Element, tag: str) -> None:
        after = self._open.pop()
        if tag in {"ul", "ol"} and not self._skipped:
            self._lists.pop()
        if self._skipped:
            self._skipped -= tag in DROPPED
        else:
            self._out.append(after)
        if not self._skipped:
            self._add_text(element.tail)

    def _add_text(self, text: str | None) -> None:
        if text:
            self._out.append(SPACE.sub(" ", text))

    def _marks_around(self, element: etree._Element, tag: str) -> tuple[str, str]:
        """The text before and after an element's content."""
        if tag == "code":
            return _backticks(element)
        if tag in EMPHASIS:
            return EMPHASIS[tag], EMPHASIS[tag]
        if tag == "a":
            address = (element.get("href") or "").strip()
            return ("[", f"]({address})") if address.startswith(("http://", "https://")) else ("", "")
        if tag == "img":
            return (f"[image: {alt.strip()}]" if (alt := element.get("alt") or "").strip() else ""), ""
        return self._block_marks(tag)

    def _block_marks(self, tag: str) -> tuple[str, str]:
        if tag in {"ul", "ol"}:
            self._lists.append(0 if tag == "ol" else -1)
            return "\n\n", "\n\n"
        if tag == "li":
            return f"\n{self._list_mark()} ", ""
        if tag in {"br", "hr"}:
            return "\n", ""
        if tag in {"td", "th"}:
            return " ", " |"
        if HEADING.fullmatch(tag):
            return f"\n\n{'#' * int(tag[1])} ", "\n\n"
        return ("\n\n", "\n\n") if tag in BLOCKS else ("", "")

    def _list_mark(self) -> str:
        if not self._lists or self._lists[-1] < 0:
            return "-"
        self._lists[-1] += 1
        return f"{self._lists[-1]}."

    def _add_code_block(self, element: etree._Element) -> None:
        code = "".join(map(str, element.itertext())).strip("\n")
        language = LANGUAGE.search(" ".join(_classes(element)))
        self._out.append(f"\n\n{fenced(code, language[1] if language else '')}\n\n")


def fenced(code: str, language: str = "") -> str:
    """A code block; its fence is longer than any run of backticks within."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", code)), default=0))
    return f"{fence}{language}\n{code}\n{fence}"


def _classes(element: etree._Element) -> Iterator[str]:
    yield element.get("class") or ""
    yield from (child.get("class") or "" for child in element.iterfind("code"))


def _backticks(element: etree._Element) -> tuple[str, str]:
    """Backticks around inline code, one more than it has in a row."""
    runs = re.findall("`+", "".join(map(str, element.itertext())))
    marks = "`" * (1 + max(map(len, runs), default=0))
    return (f"{marks} ", f" {marks}") if runs else (marks, marks)


def _without_extra_space(text: str) -> str:
    """At most one blank line in a row, no space at the ends of lines; inside fences nothing changes."""
    parts = []
    end = 0
    for match in FENCE.finditer(text):
        parts += [_prose_without_extra_space(text[end : match.start()]), match[0].rstrip(" \t")]
        end = match.end()
    return "".join([*parts, _prose_without_extra_space(text[end:])]).strip()


def _prose_without_extra_space(prose: str) -> str:
    lines = BLANK_LINES.sub("\n\n", re.sub(" {2,}", " ", prose))
    return re.sub(r" \n", "\n", re.sub(r"\n (?=\S)", "\n", lines))


def code_blocks(text: str) -> list[str]:
    """Content of the fenced blocks of Markdown, in order."""
    return [match["code"] for match in FENCE.finditer(text)]


def shortened(text: str, block_limit: int, limit: int) -> str:
    """Markdown within `limit` characters. Of a code block longer than `block_limit` the first two thirds and the end
    stay (a traceback ends in its cause), of a longer text the start; a note in its place says how much is missing.
    """
    text = FENCE.sub(lambda block: _shortened_block(block, block_limit), text)
    if len(text) <= limit:
        return text
    cut = text.rfind("\n\n", limit // 2, limit)
    kept = text[: cut if cut > 0 else limit]
    fences = re.findall(r"^`{3,}", kept, re.MULTILINE)
    closed = f"{kept}\n{fences[-1]}" if len(fences) % 2 else kept
    return f"{closed}\n\n[{len(text) - len(kept):,} more characters left out]"


def _shortened_block(block: re.Match[str], limit: int) -> str:
    code = block["code"]
    if len(code) <= limit:
        return block[0]
    head, tail = code[: 2 * limit // 3], code[len(code) - limit // 3 :]
    note = f"[{len(code) - len(head) - len(tail):,} characters left out]"
    return f"{block['fence']}{block['language']}\n{head}\n{note}\n{tail}\n{block['fence']}"
