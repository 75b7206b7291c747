"""Glaive's files: known by their keys, streamed row by row, no row lost; and a sample whose truth is known."""

import hashlib
import json
import random
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.ds5_glaive import LONGEST, RAW_ROWS
from schemas.finding import SourceError
from tasks.pipelines.ds5_glaive import source as glaive
from tasks.pipelines.ds5_glaive.sample import FILE, SPOILERS
from tests.fakes.hub import HubServer

pytestmark = [pytest.mark.unit, pytest.mark.dataset]

ROW = {"system": "SYSTEM: none", "chat": 'USER: Say "hi" {[,\n\nASSISTANT: hi <|endoftext|>\n'}
OTHER = {"chat": "USER: é\n", "system": ""}


def decoded(path: Path) -> pd.DataFrame:
    return pd.concat(
        [batch.to_pandas(types_mapper=pd.ArrowDtype) for batch in glaive.decode(path, path.name)], ignore_index=True
    )


def written(tmp_path: Path, text: str | bytes, name: str = "a.json") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


LAYOUTS = {
    "lines": "\n".join(json.dumps(row) for row in (ROW, OTHER)),
    "lines_with_blanks": "\n\n" + "\r\n\r\n".join(json.dumps(row) for row in (ROW, OTHER)) + "\n \n",
    "array": json.dumps([ROW, OTHER]),
    "pretty": json.dumps([ROW, OTHER], indent=2),
    "plain_characters": json.dumps([ROW, OTHER], ensure_ascii=False),
    "byte_order_mark": "\ufeff" + json.dumps([ROW, OTHER]),
    "byte_order_mark_lines": "\ufeff" + "\n".join(json.dumps(row) for row in (ROW, OTHER)),
    "trailing_comma": " [" + json.dumps(ROW) + " ,\n" + json.dumps(OTHER) + ",\n]\n",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_are_read_from_every_layout(tmp_path: Path, layout: str) -> None:
    path = written(tmp_path, LAYOUTS[layout])
    rows = decoded(path)
    assert rows["line"].tolist() == [1, 2]
    assert rows[["system", "chat"]].to_dict("records") == [ROW, {"system": OTHER["system"], "chat": OTHER["chat"]}]
    assert rows["fault"].isna().all()
    assert glaive.count(path) == 2
    assert glaive.identify(path) == "chats"


def test_blocks_of_any_size_give_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, json.dumps([ROW, OTHER, {**ROW, "chat": 'back\\slash \\" and "quote" '}], indent=1))
    whole = decoded(path)
    for block in (1, 2, 3, 7, 64):
        monkeypatch.setattr(glaive, "BLOCK", block)
        pd.testing.assert_frame_equal(decoded(path), whole)


BAD = {
    "[1]": "not_an_object",
    "null": "not_an_object",
    '"text"': "not_an_object",
    '{"system": "a"}': "chat_missing",
    '{"chat": "a"}': "system_missing",
    '{"system": null, "chat": "a"}': "system_missing",
    '{"system": "a", "chat": ["b"]}': "chat_missing",
    '{"system": "a", "chat": b}': "invalid_json",
    '{"system": "a", "chat": "b" "c"}': "invalid_json",
    "{'system': 1}": "invalid_json",
    '{"system": "a", "chat": ' + "[" * 50_000 + "1" + "]" * 50_000 + "}": "invalid_json",
    '{"system": "a\\u0000", "chat": "b"}': "nul_bytes",
    json.dumps({"system": "", "chat": "x" * (LONGEST + 1)}): "too_long",
    json.dumps({"system": "", "chat": "x" * 5_000_000}): "too_long",
}


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
@pytest.mark.parametrize("array", [True, False], ids=["array", "lines"])
def test_a_bad_row_is_a_row_with_its_fault_and_those_around_it_are_read(
    tmp_path: Path, text: str, *, array: bool
) -> None:
    good = json.dumps(ROW)
    path = written(tmp_path, f"[{good},\n{text},\n{good}]" if array else f"{good}\n{text}\n{good}\n")
    rows = decoded(path)
    assert rows["fault"].fillna("").tolist() == ["", BAD[text], ""]
    assert rows["text"][1] == text.strip()[:2_000]
    assert glaive.count(path) == 3


def test_bytes_that_are_no_utf8_are_told(tmp_path: Path) -> None:
    path = written(tmp_path, b'{"system": "a", "chat": "\xff"}\n')
    assert decoded(path)["fault"].tolist() == ["invalid_utf8"]


def test_raw_line_breaks_and_half_characters_are_let_pass(tmp_path: Path) -> None:
    path = written(tmp_path, '[{"system": "a\nb", "chat": "\\ud83d"}]')
    rows = decoded(path)
    assert rows[["system", "chat"]].iloc[0].tolist() == ["a\nb", "\ufffd"]


def test_a_line_beyond_all_measure_is_one_bad_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glaive, "MOST", 1_000)
    path = written(tmp_path, json.dumps(ROW) + "\n" + "x" * 3_000 + "\n" + json.dumps(OTHER))
    assert decoded(path)["fault"].fillna("").tolist() == ["", "invalid_json", ""]
    assert glaive.count(path) == 3


@pytest.mark.parametrize("cut", [-1, -5, -40])
def test_an_array_that_is_cut_off_is_told_with_the_row(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path, json.dumps([ROW] * 3)[:cut])
    assert glaive.count(path) == 3
    with pytest.raises(SourceError, match=r"a\.json ends in the middle of row 3, after .*: the file was cut short"):
        decoded(path)


def test_a_text_without_end_is_told_before_it_fills_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glaive, "MOST", 1_000)
    monkeypatch.setattr(glaive, "BLOCK", 500)
    path = written(tmp_path, "[" + json.dumps(ROW) + ', {"system": "' + "x" * 5_000)
    with pytest.raises(SourceError, match="row 2 has more than 1,000 bytes, or a quote is missing"):
        decoded(path)


@pytest.mark.parametrize("text", ["", "[]", " [\n] ", "\n"])
def test_a_file_without_rows_gives_a_table_without_rows(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    assert decoded(path).columns.tolist() == RAW_ROWS.names
    assert glaive.count(path) == 0


pieces = st.sampled_from(
    ['{"system": "a", "chat": "b"}', "1", '"x,y"', "[1, 2]", '{"a": "}"}', "nul", "{}", '"\\""', " "]
)


@given(st.lists(pieces, max_size=6), st.sampled_from([",", " ,\n"]), st.integers(1, 9))
@settings(deadline=None)
def test_as_many_rows_are_decoded_as_are_counted(
    tmp_path_factory: pytest.TempPathFactory, parts: list[str], comma: str, block: int
) -> None:
    path = written(tmp_path_factory.mktemp("a"), "[" + comma.join(parts) + "]")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(glaive, "BLOCK", block)
        assert len(decoded(path)) == glaive.count(path) == sum(bool(part.strip()) for part in parts)


def test_other_files_are_none_of_ours(tmp_path: Path) -> None:
    others = {
        "posts.jsonl": json.dumps({"body": json.dumps(ROW), "title": "system"}),
        "chat.jsonl": json.dumps({"messages": [{"role": "system", "content": "chat"}]}),
        "readme.md": json.dumps(ROW),
        "truth.json": json.dumps(ROW),
        "empty.json": "",
    }
    assert [glaive.identify(written(tmp_path, text, name)) for name, text in others.items()] == [None] * 5


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    hashes = []
    for at, seed in enumerate((1, 1, 2)):
        (tmp_path / str(at)).mkdir()
        glaive.SOURCE.sample(tmp_path / str(at), seed, 0.3)
        hashes.append(
            [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted((tmp_path / str(at)).iterdir())]
        )
    assert hashes[0] == hashes[1] != hashes[2]


def test_the_sample_has_every_kind_of_bad_row_and_draws_on_no_clock(tmp_path: Path) -> None:
    state = random.getstate()
    glaive.SOURCE.sample(tmp_path, 42, 1.0)
    assert random.getstate() == state
    truth = json.loads((tmp_path / "truth.json").read_text())["rows"]
    assert {row["reason"] for row in truth} == {"", *(reason for _, _, reason in SPOILERS)}
    assert glaive.count(tmp_path / FILE) == len(truth) == 300
    assert decoded(tmp_path / FILE)["line"].tolist() == [row["line"] for row in truth]


def test_mode_live_asks_for_one_file_at_the_pinned_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glaive.huggingface, "bring", lambda *asked: list(asked))
    assert glaive.SOURCE.bring is not None
    assert glaive.SOURCE.bring(tmp_path) == [glaive.REPO, glaive.REVISION, [glaive.FILE], tmp_path]


@pytest.mark.integration
@pytest.mark.slow
def test_the_pinned_file_comes_from_the_hub(tmp_path: Path) -> None:
    body = json.dumps([ROW]).encode()
    code = (
        "import sys; from pathlib import Path; from tasks.pipelines.ds5_glaive.source import SOURCE;"
        "print([str(path) for path in SOURCE.bring(Path(sys.argv[1]))])"
    )
    with HubServer({glaive.REPO: {glaive.REVISION: {glaive.FILE: body}}}) as hub:
        for _ in range(2):
            said = hub.run(code, str(tmp_path / "live"), home=tmp_path / "home")
            assert said.strip() == str([str(tmp_path / "live" / glaive.FILE)])
        assert hub.gets() == [glaive.FILE]
    assert glaive.SOURCE.pin == glaive.REVISION
