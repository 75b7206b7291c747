"""What was written in an encoding comes back as it was written, and what is no text is refused, not guessed."""

# ruff: noqa: RUF001  # signs that look like others are what encodings differ in

import codecs
import random
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.curate.text.encoding import Decoded, Undecodable, decoded

pytestmark = pytest.mark.unit

CODE = "int main() {\n    return 0;  // %s\n}\n/* %s */\n"
LATIN = (
    *(
        "Größe des Puffers",
        "für alle Fälle",
        "Straße",
        "déjà vu, créé à côté",
        "¿Cómo está el tamaño?",
        "ação",
        "öka på å",
    ),
    *("© 2004 Foo", "20 °C ±5 µs", "«été»", "François Müller", "don´t", "m²"),
)
WINDOWS = ("don’t panic", "“Hello” World", "1 € — or more…", "Foo™", "a – b: œuvre")
JAPANESE = (
    "初期化",
    "バッファのサイズ",
    "幅",
    "ファイルを開く。",
    "ユーザーID",
    "TODO: 後で直す",
    "（XML形式）",
    "値 = 高さ",
)
OTHERS = {
    "cp1251": "размер буфера в байтах; если ошибка, то выходим из цикла; вернуть значение по умолчанию",
    "koi8-r": "размер буфера в байтах; если ошибка, то выходим из цикла; вернуть значение по умолчанию",
    "gb18030": "如果参数不正确则抛出异常，返回默认值，循环处理所有的节点，获取用户信息，测试函数",
    "euc-kr": "인수가 올바르지 않으면 예외 발생, 기본값을 반환, 모든 노드를 처리한다, 사용자 정보",
    "euc-jp": "ファイルを開く。引数が不正な場合は例外を投げる。設定ファイルの値を読み、表示するソース",
}
LETTERS = st.characters(min_codepoint=9, max_codepoint=0xFFFF, exclude_categories=("Cs", "Cc", "Co", "Cn"))


def _written(text: str, codec: str) -> bytes:
    return (CODE % (text, text)).encode(codec)


@pytest.mark.parametrize("text", LATIN)
def test_latin_1_comes_back(text):
    assert decoded(_written(text, "latin-1")) == Decoded(CODE % (text, text), "latin-1")


@pytest.mark.parametrize("text", WINDOWS)
def test_windows_own_signs_come_back(text):
    assert decoded(_written(text, "cp1252")) == Decoded(CODE % (text, text), "cp1252")


@pytest.mark.parametrize("text", JAPANESE)
def test_short_japanese_comments_in_code_come_back(text):
    assert decoded(_written(text, "shift_jis")) == Decoded(CODE % (text, text), "shift-jis")


def test_characters_of_windows_alone_make_it_windows_shift_jis():
    assert decoded(_written("①番目の値", "cp932")) == Decoded(CODE % (("①番目の値",) * 2), "cp932")


@pytest.mark.parametrize("codec", OTHERS)
def test_other_scripts_are_told_apart_where_there_is_enough_of_them(codec):
    text = CODE % (OTHERS[codec], OTHERS[codec])
    assert decoded(text.encode(codec)).text == text


@pytest.mark.parametrize("codec", OTHERS)
def test_a_word_of_another_script_is_refused_rather_than_guessed(codec):
    with pytest.raises(Undecodable):
        decoded(_written(OTHERS[codec][:4], codec))


@pytest.mark.parametrize("codec", OTHERS)
def test_what_the_source_tells_reads_what_could_not_be_guessed(codec):
    text = CODE % (OTHERS[codec][:4], "")
    assert decoded(text.encode(codec), declared=codec.upper()).text == text


@pytest.mark.parametrize(
    "cookie", ["# -*- coding: koi8-r -*-", "// vim: set fileencoding=koi8-r :", "#!/x\n# coding=koi8-r"]
)
def test_a_cookie_goes_before_a_guess(cookie):
    text = f"{cookie}\nx = 'мир'\n"
    assert decoded(text.encode("koi8-r"), declared="latin-1") == Decoded(text, "koi8-r")


def test_a_cookie_below_the_second_line_says_nothing():
    with pytest.raises(Undecodable):
        decoded("\n\n# coding: koi8-r\nx = 'мир'\n".encode("koi8-r"))


@pytest.mark.parametrize(
    "told", ["shift_jis", "ascii", "binary", "rot13", "hex", "unicode_escape", "x" * 99, "a\0b", "é"]
)
def test_what_is_told_and_not_so_is_not_believed(told):
    assert decoded(_written("Größe", "latin-1"), told).encoding == "latin-1"


@given(st.text(LETTERS))
@example("\ufeff")
@settings(max_examples=60)
def test_utf_8_comes_back(text):
    marked = text.startswith("\ufeff")
    assert decoded(text.encode()) == Decoded(text[1:] if marked else text, "utf-8")


@given(st.text(LETTERS), st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]))
@settings(max_examples=60)
def test_a_byte_order_mark_tells_and_goes(text, codec):
    found = decoded(("\ufeff" + text).encode(codec))
    assert found == Decoded(text, codec[:6].rstrip("-"))


@given(st.text(LETTERS, max_size=40), st.sampled_from(["utf-16-le", "utf-16-be"]))
@settings(max_examples=40)
def test_utf_16_without_its_mark_is_known_by_its_zeros(comment, codec):
    text = CODE % (comment, "")
    assert decoded(text.encode(codec)) == Decoded(text, "utf-16")


@given(st.text(LETTERS, max_size=20), st.sampled_from(["latin-1", "cp1252", "shift_jis", "cp932"]))
@settings(max_examples=100)
def test_what_is_read_encodes_to_the_same_bytes(comment, codec):
    content = (CODE % (comment, comment)).encode(codec, "ignore")
    try:
        found = decoded(content)
    except Undecodable:
        return
    assert found.text.encode(found.encoding) == content


@pytest.mark.parametrize("size", [64, 1_000, 100_000])
def test_random_bytes_are_refused(size):
    for seed in range(20):
        with pytest.raises(Undecodable):
            decoded(random.Random(seed).randbytes(size))


@pytest.mark.parametrize(
    "content",
    [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0 ",
        b"\x7fELF\2\1\1" + bytes(9) + b"\3\0\x3e\0\1",
        codecs.BOM_UTF16_LE + b"odd",
        codecs.BOM_UTF8 + b"\xff\xfe",
        CODE.encode() + b"\xd3\xd4\xd5\xd6\xd7 \xe0\xe1\xe2\xe3",
    ],
)
def test_what_is_no_text_is_refused_with_a_sentence(content):
    with pytest.raises(Undecodable, match=r"[A-Z].*\."):
        decoded(content)


def test_a_few_control_characters_leave_it_text():
    assert decoded(b"x = '\0'  # a zero, as it is\n").encoding == "utf-8"


def test_utf_8_is_read_at_the_speed_of_copying():
    content = (CODE % ("Größe", "初期化")).encode() * 100_000
    start = time.process_time()
    decoded(content)
    assert len(content) / (time.process_time() - start) > 100e6  # bytes a second
