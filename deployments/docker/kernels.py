"""Compile the kernels of the near-duplicate search into $NUMBA_CACHE_DIR: run while the image is built.

Each kernel is compiled when it is first called, for the types of that call. Two near duplicates, a copy and a text that
shares their first words call every kernel.
"""

import numpy as np

from tasks.curate.dedup import minhash_kernels
from tasks.curate.dedup.minhash import near_duplicates

WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
TEXTS = [WORDS, WORDS + " and more", WORDS, "one two three four five, and other words"]


def compiled() -> int:
    """Number of near-duplicate pairs among TEXTS; compiles the kernels. Raises SystemExit when there are none."""
    pairs = sum(near_duplicates(TEXTS, threshold, workers=2).pairs.height for threshold in (0.85, 0.5))
    if pairs == 0:
        raise SystemExit("The near-duplicate search found no pair among texts that are near duplicates: it is broken.")
    own = np.zeros(1, dtype=np.int64)  # a long table comes in chunks: polars copies it, and numba sees another type
    minhash_kernels.join(own, own.copy(), 1)
    return pairs


if __name__ == "__main__":
    compiled()
