"""What became of one file: the request and the manifest made of it, what verification says of them. And back."""

from collections.abc import Sequence

from tasks.quality.trail import Explainer, Found, Origin, Stop, Tables, conversation_stops, places_of, rows_at


def follow(tables: Tables, file: str, line: int) -> Found:
    """A row of a shard, from its conversation to the published one."""
    manifests = rows_at(tables.step("conversations"), file, line)
    if not manifests:
        return Found()
    manifest = manifests[0]
    redacted = ("a value was redacted",) if manifest["outcome"] else ()
    words = f"Manifest of kind {manifest['kind']}, of repository {manifest['group']}."
    stops = conversation_stops(tables.step("check"), manifest["id"])
    return Found((Stop("conversations", words, redacted), *stops), (manifest["id"],) if stops else ())


def origins(tables: Tables, row: str) -> Sequence[Origin]:
    """The file that a conversation was made of."""
    return places_of(tables.step("conversations"), row)


EXPLAINER = Explainer(follow, origins, ids="ds6_the_stack:<hash of the file>")
