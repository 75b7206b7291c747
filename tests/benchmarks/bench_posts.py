"""Reading a data dump: python -m tests.benchmarks.bench_posts [MB]

Generates a Posts.xml of that size (1,000 MB by default) from the sample's questions and from long answers, as a dump
has, and reads it once: XML to raw rows to posts with the unwanted ones told. Prints MB/s by the clock and of processor
time, and the peak memory of the process, beside expat alone, which does nothing with what it parses.
"""

import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from xml.parsers import expat

import pandas as pd

from schemas.ds3_stackoverflow import MIN_SCORE, TAGS
from tasks.pipelines.ds3_stackoverflow import posts
from tasks.pipelines.ds3_stackoverflow import source as stackoverflow
from tasks.pipelines.ds3_stackoverflow.sample import sample

PARAGRAPH = "&lt;p&gt;It depends on what the container does when it starts: look at its log first.&lt;/p&gt;&#xA;"
MALFORMED = re.compile('&undeclared;|&#0;|Id="x7"')
MEGABYTE = 1_000_000


def write(path: Path, megabytes: int) -> None:
    """A dump of about that size: sample posts, and between them answers of 500 to 5,000 characters."""
    with tempfile.TemporaryDirectory() as folder:
        sample(Path(folder), 42, 1.0)
        text = (Path(folder) / "Posts.xml").read_text(encoding="utf-8-sig")
    rows = [row for row in text.split("\n") if 'PostTypeId="' in row and not MALFORMED.search(row)]
    number = 0
    with path.open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<posts>\n')
        while file.tell() < megabytes * MEGABYTE:
            for row in rows:
                number += 1
                file.write(row.replace('Id="', f'Id="{number}', 1) + "\n")
                file.write(
                    f'  <row Id="9{number}" PostTypeId="2" ParentId="{number}" CreationDate="2019-03-04T05:06:07.890" '
                    f'Score="{number % 9}" Body="{PARAGRAPH * (5 + number % 40)}" OwnerUserId="7" '
                    'LastActivityDate="2019-03-04T05:06:07.890" CommentCount="1" ContentLicense="CC BY-SA 4.0" />\n'
                )
        file.write("</posts>\n")


def ours(path: Path) -> int:
    """Rows read by decode and posts."""
    rows = 0
    for table in stackoverflow.decode(path, path.name):
        kept, left = posts.posts(table.to_pandas(types_mapper=pd.ArrowDtype), tags=TAGS, min_score=MIN_SCORE)
        rows += len(kept) + len(left)
    return rows


def expat_alone(path: Path) -> int:
    """Rows that expat sees."""
    rows = 0

    def start(tag: str, _: object) -> None:
        nonlocal rows
        rows += tag == "row"

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    with path.open("rb") as file:
        parser.ParseFile(file)
    return rows


READERS: dict[str, Callable[[Path], int]] = {"ours": ours, "expat_alone": expat_alone}


def measure(reader: str, path: Path) -> None:
    """Print what one reader did, as JSON."""
    wall, processor = time.perf_counter(), time.process_time()
    rows = READERS[reader](path)
    size = path.stat().st_size / 1e6
    told = {
        "reader": reader,
        "rows": rows,
        "megabytes": round(size),
        "MB/s by the clock": round(size / (time.perf_counter() - wall), 1),
        "MB/s of processor time": round(size / (time.process_time() - processor), 1),
        "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(told))


def main(arguments: list[str]) -> None:
    """Generate a dump and read it with each reader, each alone in a process."""
    if arguments[:1] == ["measure"]:
        measure(arguments[1], Path(arguments[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Posts.xml"
        write(path, int(arguments[0]) if arguments else 1_000)
        for reader in READERS:
            subprocess.run([sys.executable, "-m", "tests.benchmarks.bench_posts", "measure", reader, path], check=True)


if __name__ == "__main__":
    main(sys.argv[1:])
