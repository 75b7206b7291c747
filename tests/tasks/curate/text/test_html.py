"""HTML as Markdown: what stays, what goes, and that nothing odd does harm."""

import html as entities
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.curate.text.html import code_blocks, fenced, markdown, plain, shortened, visible

pytestmark = [pytest.mark.unit, pytest.mark.dataset]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a</p>\n\n<p>b</p>", "a\n\nb"),
        ("<p>a &amp; b &lt;c&gt;&#xA;&nbsp;d</p>", "a & b <c> d"),
        ("<p>use <code>kubectl -n x</code></p>", "use `kubectl -n x`"),
        ("<p><code>a`b</code></p>", "`` a`b ``"),
        ("<p><strong>bold</strong> <em>soft</em></p>", "**bold** *soft*"),
        ('<p><a href="https://a.test/x?y=1&amp;z=2" rel="nofollow">docs</a></p>', "[docs](https://a.test/x?y=1&z=2)"),
        ('<p><a href="javascript:alert(1)">click</a></p>', "click"),
        ("<a>no address</a>", "no address"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
        (
            "<ol><li>one</li><li>two<ol><li>deep</li></ol></li><li>three</li></ol>",
            "1. one\n2. two\n\n1. deep\n\n3. three",
        ),
        ("<li>lost</li>", "- lost"),
        ("<h2>Why</h2><p>so</p>", "## Why\n\nso"),
        ("a<br>b<hr/>c", "a\nb\nc"),
        ("<table><tr><th>x<th>y</tr><tr><td>1<td>2</tr></table>", "x | y |\n\n1 | 2 |"),
        ('<p><img src="https://i.test/1.png" alt="a chart"><img src="x"></p>', "[image: a chart]"),
        ("<p>a<script>evil()</script>b<style>p{}</style>c</p>", "abc"),
        ("<object><p>x</p><ul><li>y</ul></object><p>after</p>", "after"),
        ("<p>a<!-- not shown --><?php echo ?>b</p>", "ab"),
        ("<p>unclosed <b>tags", "unclosed **tags**"),
        ("", ""),
        ("<p> </p>", ""),
        ("\x00", ""),
    ],
)
def test_html_becomes_markdown(html: str, text: str) -> None:
    """Each element's meaning, by hand."""
    assert markdown(html) == text


def test_code_is_kept_to_the_character() -> None:
    """Blank lines, indents, angle brackets and markup that highlights it."""
    code = "if a < b:\n\n\n    print('&amp;  x')  # <b>"
    html = f"<p>see</p><pre class='lang-py'><code>{entities.escape(code)}\n</code></pre><p>end</p>"
    assert code_blocks(markdown(html)) == [code]
    assert markdown(html).startswith("see\n\n```py\n")
    assert code_blocks(markdown("<pre><code><span>a</span>\n<span>  b</span></code></pre>")) == ["a\n  b"]


def test_the_language_is_read_where_the_site_writes_it() -> None:
    """`language-yaml` stands at the inner element, too."""
    assert markdown('<pre><code class="language-yaml">a: 1</code></pre>') == "```yaml\na: 1\n```"


def test_a_fence_is_longer_than_the_backticks_within() -> None:
    """Else the block would end early."""
    assert fenced("```\nx\n```") == "````\n```\nx\n```\n````"
    assert code_blocks(fenced("```\nx\n```")) == ["```\nx\n```"]


def test_line_ends_written_as_entities_are_line_ends() -> None:
    """One of the public files has &#xA; where others have line ends."""
    written = "<p>a</p>&#xA;&#xA;<pre><code>x: 1&#xA;y: 2&#xA;</code></pre>&#xA;"
    assert markdown(written) == markdown(entities.unescape(written)) == "a\n\n```\nx: 1\ny: 2\n```"


def test_html_escaped_once_too_often_is_unescaped() -> None:
    """A dump read without decoding its attributes."""
    assert markdown("&lt;p&gt;a &amp;amp; b&lt;/p&gt;") == "a & b"


def test_text_without_tags_is_markdown_already() -> None:
    """Its lines and code stay; 1 < 2 is no tag."""
    assert markdown("a\n\n```\nx < y  &amp; z\n```\n1 < 2") == "a\n\n```\nx < y  & z\n```\n1 < 2"


def test_characters_that_hide_text_are_removed_and_letters_stay() -> None:
    """NUL, bidirectional overrides, zero-width spaces; not Hebrew, not Cyrillic, not accents."""
    assert visible("a\x00b\u202ec\u200bd\ufeff\u2066e") == "abcde"
    letters = "\u05e9\u05dc\u05d5\u05dd \u0434\u043e\u0441\u043a"  # Hebrew, Cyrillic
    assert visible(f"{letters} e\u0301\r\nx\ry") == f"{letters} \u00e9\nx\ny"
    assert markdown("<p>a\u202eb</p>") == markdown("<p>a&#x202E;b&#8203;</p>") == "ab"


def test_a_title_is_one_line_with_its_entities_decoded() -> None:
    """Titles have no tags, so angle brackets are text."""
    assert plain(" What&#39;s\n <div> &amp; why? ") == "What's <div> & why?"


def test_short_text_is_not_touched() -> None:
    """Within both limits nothing changes."""
    text = "a\n\n```\ncode\n```\n\nb"
    assert shortened(text, 100, 100) == text


def test_of_a_long_code_block_start_and_end_stay() -> None:
    """A traceback ends in its cause."""
    cut = shortened(f"x\n\n{fenced('a' * 600 + 'b' * 300, 'log')}\n\ny", 90, 10_000)
    assert cut == f"x\n\n```log\n{'a' * 60}\n[810 characters left out]\n{'b' * 30}\n```\n\ny"


def test_of_a_long_text_the_start_stays_up_to_a_paragraphs_end() -> None:
    """And how much is missing is told."""
    text = "\n\n".join(["word " * 20] * 10)
    cut = shortened(text, 100, 500)
    assert cut.startswith(text[:400])
    assert re.search(r"\n\n\[\d+ more characters left out\]$", cut)
    assert shortened("x" * 50, 10, 20) == f"{'x' * 20}\n\n[30 more characters left out]"


def test_a_cut_inside_a_code_block_closes_it() -> None:
    """What follows must not be read as code."""
    cut = shortened(f"a\n\n{fenced('b' * 80)}", 100, 40)
    assert code_blocks(cut) == ["b" * 33]
    assert cut.endswith("more characters left out]")


@pytest.mark.slow
@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000 + "deep",
        "<p>" + "`" * 1_000_000,
        "<pre>a</pre>" + " \n" * 500_000,
        "<" * 1_000_000,
        "&#" * 500_000,
        "<p>" + "```\n" * 200_000,
        "<pre><code>" + "x = 1\n" * 800_000 + "</code></pre>",
    ],
    ids=["nested", "backticks", "spaces", "angles", "entities", "fences", "5 MB of code"],
)
def test_huge_and_hostile_text_takes_seconds_at_most(html: str) -> None:
    """Linear: no pattern backtracks, no recursion."""
    begin = time.process_time()
    markdown(html)
    assert time.process_time() - begin < 5


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=200))
def test_any_text_gives_text_without_hidden_characters(text: str) -> None:
    """No input is an error."""
    assert visible(markdown(text)) == markdown(text)
    assert "\x00" not in markdown(f"<p>{text}</p>")


@settings(deadline=None, max_examples=50)
@given(st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs", "Co", "Cn"]), min_size=1))
def test_code_survives_the_round_trip(code: str) -> None:
    """Escaped into a block and read back, it is the same in Unicode's composed form."""
    wanted = visible(code)
    assert code_blocks(markdown(f"<pre><code>{entities.escape(code)}</code></pre>")) == [wanted]


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=300), st.integers(10, 100), st.integers(50, 200))
def test_shortened_text_is_within_its_limit_and_a_note(text: str, block: int, limit: int) -> None:
    """The note and a closing fence are all that is added."""
    assert len(shortened(text, block, limit)) <= max(limit, len(text)) + 80
