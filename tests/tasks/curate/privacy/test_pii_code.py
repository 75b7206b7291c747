"""Redacted code holds no personal data, is the program it was, and what cannot be both is said to be neither."""

import pytest

from schemas.code_corpus import LANGUAGES
from tasks.curate.privacy import pii, pii_code
from tasks.curate.privacy.pii_code import Redaction, redact_code
from tasks.curate.text import languages

pytestmark = pytest.mark.unit

MAIL, ADDRESS = "alice@" + "corp.dev", "10.20.30.40"
PROGRAMS = {
    "Python": f'HOST = "{ADDRESS}"  # ask {MAIL}\n\n\ndef f():\n    """By {MAIL}."""\n    return HOST\n',
    "Java": f'/** @author Alice <{MAIL}> */\nclass A {{ String host = "{ADDRESS}"; }}\n',
    "C++": f'// Copyright Alice <{MAIL}>\nconst char* host = "{ADDRESS}";\n',
    "JavaScript": f"const host = `http://{ADDRESS}/${{path}}`; // {MAIL}\n",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_values_in_strings_and_comments_give_way_to_placeholders(language):
    text = PROGRAMS[language]
    [redaction] = redact_code([text], [language])
    assert redaction.text == text.replace(MAIL, "<EMAIL>").replace(ADDRESS, "<IPV4>")
    assert {text[s.start : s.end] for s in redaction.spans} == {MAIL, ADDRESS}
    assert redaction.outcome == "redacted"
    assert languages.parses(redaction.text, language)
    assert pii.find(redaction.text) == []


def test_each_text_gets_its_own_answer_in_order():
    clean = "x = 1\n"
    answers = redact_code([clean, PROGRAMS["Java"], clean], ["Python", "Java", "C++"])
    assert [answer.outcome for answer in answers] == ["clean", "redacted", "clean"]
    assert answers[0] == answers[2] == Redaction(clean, (), "clean")
    assert redact_code([], []) == []


def test_texts_without_a_language_are_an_error():
    with pytest.raises(ValueError, match="zip"):
        redact_code(["x", "y"], ["Python"])


def test_where_a_placeholder_would_be_a_tag_a_name_takes_its_place():
    text = f"const page = <p>Write to {MAIL}</p>;\n"
    [redaction] = redact_code([text], ["JavaScript"])
    assert redaction.text == text.replace(MAIL, "REDACTED_EMAIL")
    assert redaction.outcome == "redacted"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_number_that_stands_bare_becomes_noughts(language):
    card = "4" + 15 * "1"
    text = {
        "Python": f"card = {card}\n",
        "Java": f"class A {{ long card = {card}L; }}\n",
        "C++": f"long card = {card};\n",
        "JavaScript": f"const card = {card};\n",
    }[language]
    [redaction] = redact_code([text], [language])
    assert (redaction.text, redaction.outcome) == (text.replace(card, "0" * 16), "redacted")
    assert languages.parses(redaction.text, language)


def test_a_key_over_several_lines_of_strings_leaves_a_string():
    label = "PRIVATE " + "KEY"
    body = "MIIE" * 16
    text = f'String k = "-----BEGIN {label}-----\\n" +\n  "{body}\\n" +\n  "-----END {label}-----";\n'
    [redaction] = redact_code([f"class A {{ {text} }}\n"], ["Java"])
    assert redaction.text == 'class A { String k = "<PRIVATE_KEY>";\n }\n'
    assert redaction.outcome == "redacted"


def test_a_file_that_did_not_parse_is_redacted_like_any_text():
    [redaction] = redact_code([f"<p>{MAIL} ) ]] (\n"], ["Java"])
    assert (redaction.text, redaction.outcome) == ("<p><EMAIL> ) ]] (\n", "redacted")


def test_what_parses_with_neither_is_said_to_break(monkeypatch):
    monkeypatch.setattr(pii_code, "_with_stand_ins", lambda text, spans: "a ) b")
    [redaction] = redact_code([f"const page = <p>{MAIL}</p>;\n"], ["JavaScript"])
    assert redaction.outcome == "breaks"
    assert MAIL not in redaction.text


def test_what_is_still_found_is_said_to_leak(monkeypatch):
    monkeypatch.setattr(pii_code, "_with_stand_ins", lambda text, spans: text)
    [redaction] = redact_code([f"const page = <p>{MAIL}</p>;\n"], ["JavaScript"])
    assert redaction.outcome == "leak"


def test_redacting_twice_is_redacting_once():
    texts, names = list(PROGRAMS.values()), list(PROGRAMS)
    once = [answer.text for answer in redact_code(texts, names)]
    assert [answer.text for answer in redact_code(once, names)] == once


@pytest.mark.parametrize(
    ("language", "before", "after"),
    [
        ("Python", "# by {}\nx = 1\n", "# by <EMAIL>\nx = 1\n"),
        ("Python", 'x = """\n# by {}\n"""\n', 'x = """\n# by <EMAIL>\n"""\n'),
        ("Java", "/**\n * @author Ada <{}>\n */\nclass A {{}}\n", "/**\n * @author Ada <<EMAIL>>\n */\nclass A {}\n"),
        ("C++", "// by {}\nint x;\n", "// by <EMAIL>\nint x;\n"),
    ],
)
def test_an_address_in_a_comment_is_redacted_without_a_look_at_the_program(
    language: str, before: str, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing within a comment can break a program; and most addresses stand in one."""
    monkeypatch.setattr(pii_code.grammars, "parses", lambda *_: pytest.fail("parsed"))
    address = "ada" + "@" + "lovelace-engines.org"
    (made,) = pii_code.redact_code([before.format(address)], [language])
    assert (made.text, made.outcome) == (after, "redacted")


def test_an_address_in_what_only_looks_like_a_comment_is_looked_at() -> None:
    """In JSX, `//` is text, and a placeholder a tag that is never closed."""
    address = "ada" + "@" + "lovelace-engines.org"
    text = f"const a = (\n  <p>\n    // {address}\n  </p>\n);\n"
    (made,) = pii_code.redact_code([text], ["JavaScript"])
    assert languages.parses(text, "JavaScript")
    assert languages.parses(made.text, "JavaScript")
    assert address not in made.text
