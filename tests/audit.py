"""Secrets in tracked files that nobody has looked at: `python -m tests.audit [--accept]`, part of `make audit`.

`.secrets.baseline` holds what was looked at and is none (planted ones of tests, hashes, examples), by file, kind and
hash, so that a moved line is no news. `--accept` writes it anew: read its diff before it is committed.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from detect_secrets import SecretsCollection
from detect_secrets.core import baseline
from detect_secrets.core.potential_secret import PotentialSecret
from detect_secrets.settings import default_settings

PROJECT = Path(__file__).resolve().parent.parent
BASELINE = ".secrets.baseline"
NOT_READ = {"requirements.txt", BASELINE}  # names and versions, written by uv; and this tool's own hashes
# How a DVC pointer names the data it stands for; `make run` leaves such pointers, untracked.
CONTENT_HASH = re.compile(r"\s*(?:- )?md5: [0-9a-f]{32}(?:\.dir)?")


def tracked(root: Path) -> list[str]:
    """Tracked files, and those that `git add` would track, relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout.decode().split("\0")
    return [name for name in names if name and Path(name).name not in NOT_READ and (root / name).is_file()]


def scan(root: Path, files: Sequence[str]) -> SecretsCollection:
    """What detect-secrets takes for a secret."""
    found = SecretsCollection(root=str(root))
    with default_settings():
        found.scan_files(*files)
    for file, each in found:
        each.filename = file  # relative: a baseline must not tell where somebody's checkout lies
    for file in found.files:  # their hash depends on the name just changed, so each set is made anew
        found[file] = {each for each in found[file] if not names_content(root, file, each)}
    return found


def unknown(found: SecretsCollection, known: SecretsCollection) -> list[tuple[str, PotentialSecret]]:
    """(file, finding) of every finding that is not in the baseline."""
    looked_at = {(file, each.type, each.secret_hash) for file, each in known}
    return [(file, each) for file, each in found if (file, each.type, each.secret_hash) not in looked_at]


def names_content(root: Path, file: str, finding: PotentialSecret) -> bool:
    """Whether a finding is the hash of data in a DVC pointer, not a secret."""
    if not file.endswith(".dvc"):
        return False
    line = (root / file).read_text(encoding="utf-8").splitlines()[finding.line_number - 1]
    return CONTENT_HASH.fullmatch(line) is not None


def read_baseline(root: Path) -> SecretsCollection:
    return baseline.load(baseline.load_from_file(str(root / BASELINE)))


def main(args: Sequence[str]) -> int:
    """Exit status 1 for a finding that nobody has looked at. The secret itself is never printed."""
    found = scan(PROJECT, tracked(PROJECT))
    if list(args) == ["--accept"]:
        baseline.save_to_file(found, str(PROJECT / BASELINE))
        print(f"{BASELINE} is written: read its diff, each line claims that what it hashes is no secret.")
        return 0
    news = unknown(found, read_baseline(PROJECT))
    for file, finding in news:
        print(f"{file}:{finding.line_number}: {finding.type}")
    if news:
        print(
            "A secret? Revoke it where it was issued, then remove it. None? `.venv/bin/python -m tests.audit --accept`."
        )
    return int(bool(news))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
