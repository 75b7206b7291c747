"""Who asked to be left out: lists as people write them, and that none is passed over."""

from pathlib import Path

import pytest

from schemas.finding import SourceError
from tasks.curate.privacy import opt_out

pytestmark = pytest.mark.unit


def test_a_list_is_read_as_names_whatever_people_write_around_them(tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("# asked\nhttps://github.com/ADA/Web.git\ngrace  # all of hers\n\nx/y/\nx/y\n")
    assert opt_out.read(file) == ("ada/web", "grace", "x/y")


def test_no_list_is_nobody_and_one_that_is_not_there_stops_the_run(tmp_path: Path) -> None:
    assert opt_out.read(None) == ()
    with pytest.raises(SourceError, match="which is no file"):
        opt_out.read(tmp_path / "none.txt")


@pytest.mark.parametrize(
    ("repo", "among"),
    [
        ("Ada/Web", True),
        ("ada/other", False),
        ("GRACE/any", True),
        ("graceful/any", False),
        ("grace", True),
        (None, False),
    ],
)
def test_a_repository_is_among_them_by_itself_or_by_its_owner(repo: str | None, among: bool) -> None:
    assert opt_out.is_among(repo, frozenset({"ada/web", "grace"})) is among


def test_a_list_is_told_by_its_length_and_hash_and_names_nobody() -> None:
    told = opt_out.as_parameters(("ada/web", "grace"))
    assert told["opted_out"] == 2
    assert told == opt_out.as_parameters(("ada/web", "grace")) != opt_out.as_parameters(("ada/web",))
    assert "ada" not in str(told)
