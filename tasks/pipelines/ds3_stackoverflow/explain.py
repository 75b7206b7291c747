"""What became of one post: the question it asks or answers, its pair, its conversation. And back."""

from collections.abc import Sequence

import polars as pl

from schemas.ds3_stackoverflow import STEM
from tasks.quality.trail import Explainer, Found, Origin, Row, Stop, Tables, conversation_stops, rows_at


def follow(tables: Tables, file: str, line: int) -> Found:
    """A post, from what it was read as to the published conversation."""
    posts = rows_at(tables.step("posts"), file, line)
    if not posts:
        return Found()
    stops = [_post_stop(posts[0])]
    at = (pl.col("file") == file) & (pl.col("line") == line)
    answers = (pl.col("answer_file") == file) & (pl.col("answer_line") == line)
    pairs = tables.step("pairs").filter(at | answers).collect().to_dicts()
    if not pairs:
        return Found(tuple(stops))
    row = f"{STEM}:{pairs[0]['question']}"
    stops += [_pair_stop(pairs[0]), *conversation_stops(tables.step("check"), row)]
    return Found(tuple(stops), (row,) if stops[-1].step == "check" else ())


def _post_stop(post: Row) -> Stop:
    if post["question_id"] is None:
        return Stop("posts", f"Answer {post['answer_id']}, score {post['answer_score']}.")
    words = f"Question {post['question_id']}, score {post['question_score']}, tag {post['tag']}."
    return Stop("posts", words, (f"title: {post['question_title']}",) if post["question_title"] else ())


def _pair_stop(pair: Row) -> Stop:
    answered = f"answer {pair['answer']}" if pair["answer"] is not None else "no answer in the data"
    signatures = ", ".join(pair["signatures"]) or "none"
    return Stop(
        "pairs",
        f"Question {pair['question']} with {answered}.",
        (f"error signatures: {signatures}", f"component {pair['component']}", f"quality {pair['quality_score']:.2f}"),
    )


def origins(tables: Tables, row: str) -> Sequence[Origin]:
    """The question of a conversation, and its answer."""
    question = row.removeprefix(f"{STEM}:")
    pairs = tables.step("pairs").filter(pl.col("question").cast(pl.String) == question).collect().to_dicts()
    places = [(pair["file"], pair["line"]) for pair in pairs]
    places += [(pair["answer_file"], pair["answer_line"]) for pair in pairs if pair["answer_line"]]
    return [Origin(*place) for place in places]


EXPLAINER = Explainer(follow, origins, ids=f"{STEM}:<id of the question>")
