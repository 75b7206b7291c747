"""What became of one source file: each stage it went through, its split. And back."""

from collections.abc import Sequence

from schemas.code_corpus import STAGES
from tasks.quality.trail import Explainer, Found, Origin, Stop, Tables, places_of, rows_at, with_id


def follow(tables: Tables, file: str, line: int) -> Found:
    """A row of a shard, from the first stage to the published file."""
    first = rows_at(tables.step(FIRST).drop("content"), file, line)
    if not first:
        return Found()
    source = first[0]
    licence = f"licence {source['licence']}"
    stops = [Stop(FIRST, f"{source['language']} file {source['path']} of {source['repo']}.", (licence,))]
    stops += [
        Stop(stage, "Kept.")
        for stage in STAGES
        if tables.has(stage) and with_id(tables.step(stage).select("id"), source["id"])
    ]
    published = with_id(tables.step("check").drop("content"), source["id"])
    stops += [
        Stop("check", f"Keeps the contract, split {row['split']}.", (f"published as {row['name']}",))
        for row in published
    ]
    return Found(tuple(stops), (source["id"],) if published else ())


FIRST = "selection"


def origins(tables: Tables, row: str) -> Sequence[Origin]:
    """The raw row of a published file."""
    return places_of(tables.step(FIRST), row)


EXPLAINER = Explainer(follow, origins, ids="the column id of code_corpus.parquet")
