"""Numbers of people, cards and telephones are found as people write them; numbers that are nobody's are left."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.curate.privacy import pii, pii_numbers
from tests.tasks.curate.privacy.scanning import scanned

pytestmark = pytest.mark.unit

FOUND = {
    "ssn": (
        "ssn=⟦212-45-6789⟧",
        '"\\n⟦665-01-0001⟧"',
        "(⟦899-99-9999⟧).",
        "⟦001-01-0001⟧, ⟦212-45-6789⟧",
    ),
    "credit_card": (
        '"⟦4111 1111 1111 1111⟧"',
        "pay with ⟦5555-5555-5555-4444⟧.",
        "⟦3782 822463 10005⟧",
        "⟦3056 930902 5904⟧",
        "card_number = ⟦4111111111111111⟧",
        "creditCard: '⟦2223003122003222⟧'",
        "userCard=⟦6011111111111117⟧",
        '{"pan": "⟦3530111333300000⟧"}',
        "VISA ⟦4222222222222⟧",
    ),
    "phone": (
        '"⟦+919876543210⟧"',
        "<a href='tel:⟦+12027365000⟧'>⟦+1 (202) 736-5000⟧</a>",
        "<br>⟦+352 26203652⟧<br>",
        "⟦+44 20 7946 0958⟧, ⟦+33 1 23 45 67 89⟧",
        "⟦+49 (0)30 123456⟧",
        "⟦+1.202.736.5000⟧",
        "phone: ⟦+4791234567⟧",
        "Fax ⟦212.736.5000⟧",
        "⟦(212) 736-5000⟧ ⟦212-736-5000⟧ ⟦212 736-5000⟧",
        "⟦1-800-736-5000⟧",
        "tel:⟦484-695-3408⟧",
    ),
}
LEFT = """
    078-05-1120 219-09-9999 000-12-3456 666-12-3456 900-12-3456 123-00-4567 123-45-0000
    1123-45-6789 123-45-67890 12-123-45-6789 123-45-6789-0 x123-45-6789 2024-12-24 12-24-2024
    4111 1111 1111 1112 4111-1111 1111 1111 1234 5678 9012 3452 0000 0000 0000 0000
    id = 4111111111111111
    "4567890123456789012" "3456789012345678901" 0x4111111111111111 4111111111111111.5
    discard 4111111111111111 cardinality: 4111111111111111 span 4111111111111111 cardboard 4111111111111111
    card = 20240101123456789
    x = y +1234567890 and +3628800.0d, and array([222222.+111111.j]) and +1.12345679+1.12345679j
    +1980-02-29 01:02:03 +9999-11 +02:00 2020-01-01T00:00+0100 x+12-345-678-901
    "+2147483648" "+9223372036854775807" "+0123456789012"
    212-555-0123 (415) 555-0199 +1 212 555 0100 555-1234 911-911-9111 211-736-5000 212-711-5000 370-736-5000
    212.736.5000 1.212.736.5000 212 736 5000 v212-736-5000 0212-736-5000 212-736-50001 a-212-736-5000
    550e8400-e29b-41d4-a716-446655440000 978-3-16-148410-0
    https://twitter.com/x/status/450629277763899392
"""


def _marked(text: str) -> tuple[str, list[str]]:
    return text.replace("⟦", "").replace("⟧", ""), [piece.split("⟧")[0] for piece in text.split("⟦")[1:]]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in FOUND.items() for text in texts])
def test_the_whole_number_is_found_and_nothing_beside_it(kind, text):
    plain, values = _marked(text)
    for spans in (pii.find(plain), scanned([plain])[0]):
        assert [(plain[s.start : s.end], s.kind) for s in spans] == [(value, kind) for value in values]


@pytest.mark.parametrize("text", [line.strip() for line in LEFT.strip().split("\n")])
def test_numbers_that_only_look_like_it_are_left(text):
    assert [(text[s.start : s.end], s.kind) for s in pii.find(text)] == scanned([text])[0] == []


def test_redaction_leaves_none():
    text = "\n".join(_marked(text)[0] for texts in FOUND.values() for text in texts)
    redacted = pii.redact(text)
    assert pii.find(redacted.text) == []
    assert {span.kind for span in redacted.spans} == set(pii_numbers.KINDS)
    assert "<SSN>" in redacted.text
    assert "<CREDIT_CARD>" in redacted.text
    assert "<PHONE>" in redacted.text


@given(st.text("0123456789", min_size=1, max_size=20))
@settings(max_examples=50)
def test_one_last_digit_in_ten_is_the_check_digit(body):
    right = [last for last in "0123456789" if pii_numbers.has_check_digit(body + last)]
    assert len(right) == 1


@given(st.text("0123456789", min_size=2, max_size=19), st.data())
@settings(max_examples=50)
def test_a_wrong_digit_shows(body, data):
    number = body + next(last for last in "0123456789" if pii_numbers.has_check_digit(body + last))
    at = data.draw(st.integers(0, len(number) - 1))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[at]]))
    assert not pii_numbers.has_check_digit(number[:at] + other + number[at + 1 :])


@given(
    st.lists(
        st.sampled_from([*"0123456789", *"+-. ()\n\"'", "212", "4111 ", "555", "card", "+1 ", "tel:", "-45-"]),
        max_size=40,
    )
)
@settings(max_examples=150, deadline=None)
def test_many_texts_are_searched_like_one(pieces):
    text = "".join(pieces)
    assert scanned([text]) == [pii.find(text)]
    assert pii.find(pii.redact(text).text) == []


@pytest.mark.parametrize("bait", ["1", "+1 ", "4111 ", "212-", "+1-2", "card 4", "212 736-", "(", "123-45-", "+1 (2)"])
def test_no_bait_makes_a_pattern_run_away(bait):
    text = bait * (200_000 // len(bait))
    start = time.process_time()
    pii.find(text)
    assert time.process_time() - start < 4


def test_random_numbers_are_hardly_ever_somebodys():
    dice = random.Random(7)
    numbers = [str(dice.randrange(10 ** dice.randint(6, 20))) for _ in range(20_000)]
    assert pii.find("\n".join(f'x = [{n}, "{n}"]' for n in numbers)) == []
