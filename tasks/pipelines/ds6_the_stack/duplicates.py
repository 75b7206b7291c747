"""Conversations of all files without repetition. Pure."""

import pandas as pd

from schemas.ds6_the_stack import PLACE
from tasks.pipelines.ds6_the_stack.rules import REASONS
from tasks.quality.rejects import rejected


def distinct(made: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Conversations of all shards without repetition, in Format B: (kept, rejects).

    Of several with the same manifest as it is published the first is kept (duplicate_content: two files that differ in
    a password alone are duplicates), and of several with one id (duplicate_id).
    """
    table = made.reset_index(drop=True)
    same_content, same_id = table.duplicated("digest"), table.duplicated("id")
    again = same_content | same_id
    copies = table[again]
    rejects = rejected(
        "distinct",
        REASONS,
        reasons=same_content[again].map({True: "duplicate_content", False: "duplicate_id"}),
        rows=copies["id"] + " of " + copies["group"],
        files=copies["file"],
        lines=copies["line"],
    )
    return table[~again].drop(columns=list(PLACE)).reset_index(drop=True), rejects
