"""A folder of plain files becomes rows: whose each is, under which licence, with its bytes as they are."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from schemas.code_corpus import LANGUAGES
from schemas.finding import SourceError
from tasks.pipelines.code_corpus import raw_files, source_tree
from tasks.sources.software_heritage import git_sha1

pytestmark = pytest.mark.unit

CODE = b"def one():\n    return 1\n" * 10
JAPANESE = "名前 = 1  # 変数\n" * 10
MIT = """MIT License

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, … The above copyright notice and
this permission notice shall be included in all copies or substantial portions of the Software."""
BSD = """Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met: …"""
NEITHER = "Neither the name of X nor the names of its contributors may be used to endorse or promote products …"
ISC = """Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby
granted"""


def tree(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def decoded(path: Path) -> list[dict[str, Any]]:
    """As the corpus reads it."""
    return [row for table in raw_files.decode(path, path.name) for row in table.to_pylist()]


def packed(folder: Path) -> list[dict[str, Any]]:
    path = source_tree.pack(folder, folder.parent / "packed.parquet")
    return [] if path is None else decoded(path)


def test_a_folder_of_repositories_becomes_one_file_of_rows(tmp_path: Path) -> None:
    """Content as it is on the disk, whatever its encoding; a name for each by which it can be proved."""
    raw = JAPANESE.encode("shift_jis")
    folder = tree(
        tmp_path / "code",
        {
            "ada/engine/LICENSE": MIT,
            "ada/engine/src/a.py": CODE,
            "ada/notes/COPYING": BSD + NEITHER,
            "ada/notes/b.js": raw,
            "tool/lib/deep/C.JAVA": CODE,
            "tool/lib/README.md": "no code",
            "tool/x.min.css": "",
            "loose.h": b"\xff\xfe\x00\n",
            "tool/.git/hooks/c.py": CODE,
        },
    )
    found = {f"{row['repo']}:{row['path']}": row for row in packed(folder)}
    assert {name: (row["language"], row["licence"], row["content"]) for name, row in found.items()} == {
        "code:loose.h": ("C++", None, b"\xff\xfe\x00\n"),
        "ada/engine:src/a.py": ("Python", "MIT", CODE),
        "ada/notes:b.js": ("JavaScript", "BSD-3-Clause", raw),
        "tool:lib/deep/C.JAVA": ("Java", None, CODE),
    }
    for row in found.values():
        assert row["blob"] == git_sha1(row["content"])
        assert row["size"] == len(row["content"])
        assert [row[name] for name in ("revision", "stars", "encoding", "fault")] == [None] * 4


@pytest.mark.parametrize(
    ("files", "repo", "path"),
    [
        ({"LICENSE": MIT, "src/a.py": CODE}, "code", "src/a.py"),
        ({".git/HEAD": "", "src/a.py": CODE, "src/LICENSE": MIT}, "code", "src/a.py"),
        ({"LICENSE": MIT, "x/.git/HEAD": "", "x/a.py": CODE}, "x", "a.py"),
        ({"o/x/.git": "gitdir: elsewhere", "o/README": "", "o/x/y/a.py": CODE}, "o/x", "y/a.py"),
        ({"x/README": "", "x/vendor/LICENSE": MIT, "x/vendor/a.py": CODE}, "x", "vendor/a.py"),
        ({"x/y/z/LICENSE": MIT, "x/y/z/a.py": CODE}, "x", "y/z/a.py"),
    ],
    ids=["the_folder", "git_before_licence", "git_below_licence", "owner", "vendored", "too_deep"],
)
def test_a_repository_is_known_by_git_or_its_licence(
    tmp_path: Path, files: dict[str, str | bytes], repo: str, path: str
) -> None:
    (row,) = packed(tree(tmp_path / "code", files))
    assert (row["repo"], row["path"]) == (repo, path)


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        (MIT, "MIT"),
        (MIT.replace(" ", "\n *  "), "MIT"),
        (MIT + " The Software shall be used for Good, not Evil.", None),
        (MIT + ' "Commons Clause" License Condition v1.0', None),
        (BSD, "BSD-2-Clause"),
        (BSD + NEITHER, "BSD-3-Clause"),
        (BSD + "All advertising materials mentioning features …" + NEITHER, "BSD-4-Clause"),
        (ISC + ", provided that the above copyright notice and this permission notice appear in all copies.", "ISC"),
        (ISC + ".", "0BSD"),
        ("   Apache License\n   Version 2.0, January 2004\n   http://www.apache.org/licenses/", "Apache-2.0"),
        ("Creative Commons Legal Code\n\nCC0 1.0 Universal", "CC0-1.0"),
        ("This is free and unencumbered software released into the public domain.", "Unlicense"),
        ("Mozilla Public License Version 2.0\n======", "MPL-2.0"),
        ("GNU GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007 … GNU Affero General Public License", "GPL-3.0-only"),
        ("GNU GENERAL PUBLIC LICENSE\nVersion 2, June 1991 … only for noncommercial distribution", "GPL-2.0-only"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\nVersion 2.1, February 1999", "LGPL-2.1-only"),
        ("GNU AFFERO GENERAL PUBLIC LICENSE\nVersion 3, 19 November 2007", "AGPL-3.0-only"),
        (MIT + "\n\nParts of it:\n" + BSD, "MIT AND BSD-2-Clause"),
        ("All rights reserved.", None),
        ("", None),
    ],
)
def test_a_licence_is_known_by_its_own_sentences(tmp_path: Path, text: str, licence: str | None) -> None:
    (row,) = packed(tree(tmp_path / "code", {"LICENCE.md": text, "a.py": CODE}))
    assert row["licence"] == licence


@pytest.mark.parametrize(
    ("line", "licence"),
    [
        ("# SPDX-License-Identifier: Apache-2.0", "Apache-2.0"),
        ("/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */", "GPL-2.0-only WITH Linux-syscall-note"),
        ("// SPDX-License-Identifier: (MIT OR ISC) AND Zlib -->", "(MIT OR ISC) AND Zlib"),
        ("# SPDX-License-Identifier: ISC. All rights reserved by us", "ISC"),
        ("# SPDX-License-Identifier: ISC\n# SPDX-License-Identifier: Zlib OR 0BSD", "ISC AND (Zlib OR 0BSD)"),
        ("# SPDX-License-Identifier: LicenseRef-Ours", "LicenseRef-Ours"),
        ("# SPDX-License-Identifier:", "MIT"),
        ("# SPDX-License-Identifier: NOASSERTION", "MIT"),
        ("\n" * 3_000 + "# SPDX-License-Identifier: ISC", "MIT"),
    ],
)
def test_what_a_file_says_of_its_licence_goes_before_its_repository_s(tmp_path: Path, line: str, licence: str) -> None:
    (row,) = packed(tree(tmp_path / "code", {"LICENSE": MIT, "a.py": f"#!/usr/bin/python\n{line}\n"}))
    assert row["licence"] == licence


def test_the_nearest_licence_counts_and_several_beside_each_other_all_do(tmp_path: Path) -> None:
    folder = tree(
        tmp_path / "code",
        {
            "LICENSE": MIT,
            "a.py": CODE,
            "deep/below/b.py": CODE,
            "two/LICENSE-MIT": MIT,
            "two/LICENSE-BSD": BSD,
            "two/c.py": CODE,
            "half/LICENSE-MIT": MIT,
            "half/LICENSE-OWN": "ask us",
            "half/d.py": CODE,
            "own/LICENSE": "ask us",
            "own/LICENSE-MIT": MIT,
            "own/e.py": CODE,
            "more/LICENSE": BSD,
            "more/LICENSE-OF-OTHERS.txt": "ask them",
            "more/f.py": CODE,
        },
    )
    found = {row["path"]: row["licence"] for row in packed(folder)}
    assert found == {
        "a.py": "MIT",
        "deep/below/b.py": "MIT",
        "two/c.py": "BSD-2-Clause AND MIT",
        "half/d.py": None,
        "own/e.py": None,
        "more/f.py": "BSD-2-Clause",
    }


def test_the_ends_of_names_are_those_of_the_corpus(tmp_path: Path) -> None:
    ends = {f"x{end}": language for language, several in LANGUAGES.items() for end in several}
    folder = tree(tmp_path / "code", dict.fromkeys([*ends, "x.ts", "x.c", "py", "x.py.bak"], CODE))
    assert {row["path"]: row["language"] for row in packed(folder)} == ends


def test_the_same_folder_gives_the_same_bytes_whatever_the_order_of_its_making(tmp_path: Path) -> None:
    names = [f"{place}/{number}.py" for place in ("b", "a/c", "a") for number in range(5)]
    made = []
    for turn, order in enumerate((names, names[::-1])):
        folder = tree(tmp_path / str(turn) / "code", {name: CODE + name.encode() for name in order})
        path = source_tree.pack(folder, tmp_path / f"{turn}.parquet")
        assert path is not None
        made.append(path.read_bytes())
    assert made[0] == made[1]
    found = [(row["repo"], row["path"]) for row in decoded(tmp_path / "0.parquet")]
    assert found == [(name[0], name[2:]) for name in sorted(names, key=lambda name: (name.rsplit("/", 1)[0], name))]


def test_a_file_that_is_too_large_is_told_with_its_size_alone(tmp_path: Path) -> None:
    most = source_tree.MOST_BYTES
    large, small = packed(tree(tmp_path / "code", {"a.py": bytes(most + 1), "b.py": bytes(most)}))
    assert (large["size"], large["content"], large["blob"], large["fault"]) == (most + 1, None, None, "not_fetched")
    assert (small["size"], len(small["content"]), small["fault"]) == (most, most, None)


def test_links_that_leave_the_folder_and_links_in_a_circle_are_left_out(tmp_path: Path) -> None:
    outside = tree(tmp_path / "outside", {"secret.py": CODE})
    folder = tree(tmp_path / "code", {"x/a.py": CODE})
    (folder / "x/secret.py").symlink_to(outside / "secret.py")
    (folder / "x/elsewhere").symlink_to(outside)
    (folder / "x/circle").symlink_to(folder)
    (folder / "x/broken.py").symlink_to(folder / "none.py")
    (folder / "x/within.py").symlink_to(folder / "x/a.py")
    os.mkfifo(folder / "x/pipe.py")  # reading it would wait for ever
    assert [row["path"] for row in packed(folder)] == ["a.py", "within.py"]


def test_a_folder_without_source_files_makes_no_file(tmp_path: Path) -> None:
    folder = tree(tmp_path / "code", {"README.md": "", "LICENSE": MIT})
    assert source_tree.pack(folder, tmp_path / "x.parquet") is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["code"]


def test_the_number_of_files_that_are_not_taken_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        packed(tree(tmp_path / "code", {"a.py": CODE, "b.md": "", "c/d.txt": "", "LICENSE": MIT}))
    assert "1 source files packed; 3 of other kinds are not taken" in caplog.text


@pytest.mark.parametrize("name", ["a.py", "deep"])
def test_what_may_not_be_read_is_named(name: str) -> None:
    """A file or a folder. Left out in silence, it would be missed by nobody. Nothing is left half written."""
    base = Path(tempfile.mkdtemp())
    mine = os.geteuid()
    try:
        folder = tree(base / "code", {"a.py": CODE, "deep/b.py": CODE})
        base.chmod(0o777)
        (folder / name).chmod(0)
        os.seteuid(mine or 65_534)  # root may read everything: be nobody for a moment
        with pytest.raises(SourceError, match=rf"code/{name} cannot be read: Permission denied. Give the right to"):
            source_tree.pack(folder, base / "x.parquet")
        assert [path.name for path in base.iterdir()] == ["code"]
    finally:
        os.seteuid(mine)
        (base / "code" / name).chmod(0o777)
        shutil.rmtree(base)


def test_names_that_are_no_text_are_names_still(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path / "code") + b"/\xff.py")).write_bytes(CODE)
    assert [row["path"] for row in packed(tmp_path / "code")] == ["\ufffd.py"]


def test_packing_many_files_holds_few_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written as they come: a row group is as small as a batch."""
    monkeypatch.setattr(source_tree, "BATCH_BYTES", 1_000)
    folder = tree(tmp_path / "code", {f"{number}.py": bytes(400) for number in range(30)})
    path = source_tree.pack(folder, tmp_path / "x.parquet")
    assert path is not None
    meta = pq.read_metadata(path)
    assert [meta.row_group(group).num_rows for group in range(meta.num_row_groups)] == [3] * 10
