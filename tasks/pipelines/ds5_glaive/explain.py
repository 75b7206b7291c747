"""What became of one chat: its conversation, what verification says of it. And back."""

from collections.abc import Sequence

from tasks.quality.trail import Explainer, Found, Origin, Stop, Tables, conversation_stops, places_of, rows_at


def follow(tables: Tables, file: str, line: int) -> Found:
    """A chat, from its conversation to the published one."""
    chats = rows_at(tables.step("conversations"), file, line)
    if not chats:
        return Found()
    chat = chats[0]
    repairs = (f"repaired: {chat['repairs']}",) if chat["repairs"] else ()
    words = f"Read as {chat['turns']} turns with {chat['calls']} calls, tier {chat['tier']}."
    stops = conversation_stops(tables.step("check"), chat["id"])
    return Found((Stop("conversations", words, repairs), *stops), (chat["id"],) if stops else ())


def origins(tables: Tables, row: str) -> Sequence[Origin]:
    """The chat that a conversation was made of."""
    return places_of(tables.step("conversations"), row)


EXPLAINER = Explainer(follow, origins, ids="ds5_glaive:<hash of the chat>")
