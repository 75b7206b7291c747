"""One pass over the bytes of source files: complexity, pieces for a language model, a digest without layout. Pure.

No file is parsed, so none is refused: a file that is no valid Python has a number too, and it is made up of what looks
like Python in it. Speed on one core: some 100 MB/s, digests 250.
"""

import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from schemas.finding import SourceError
from tasks.curate.text.text_file import encoded, in_a_row

Array = np.ndarray[Any, Any]

# The pattern by which GPT-4 and Llama 3 cut a text before they look at their vocabularies ("cl100k_base"):
# https://github.com/openai/tiktoken/blob/0.7.0/tiktoken_ext/openai_public.py
PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
WHITE = b" \t\n\r\f\v"
TOGETHER = 64  # texts whose tokens are in memory at once: some hundred bytes each


def complexity(texts: Sequence[str]) -> list[int]:
    """McCabe's number of each Python file: functions, but at least one, and decisions.

    So a file without functions is counted as one, and other files as the sum of their functions' numbers, with the
    decisions outside of them. Functions are `def`, also within classes and functions, not `lambda`. Decisions are what
    radon (https://radon.readthedocs.io/en/latest/intro.html) counts but for `else` of loops and of `try`: each `if`
    (also of a conditional expression, a comprehension or a `case`), `elif`, `for` (also of a comprehension), `while`,
    `except`, `assert`, `and`, `or`, and each `case` but `case _:`. Strings are values: the fields of an f-string
    are not counted.

    Keywords are recognised by their letters; a `case` counts if it begins a line, has a pattern behind it, and a colon.
    """
    from tasks.curate.text import lexing_kernels as kernels

    return _count_in_threads(kernels.complexities, texts)


def tokens(texts: Sequence[str]) -> list[int]:
    """How many pieces `PIECES` cuts each text into: the tokens it has at the least, with whatever vocabulary.

    A piece is an English ending ('s), a run of letters with the blank or sign before it, up to three digits, a run of
    signs with the blank before and the line ends behind it, or white space; a byte-level tokeniser that cuts so makes
    one token or more of each. Letters and digits are those of the Unicode version of this Python.
    """
    from tasks.curate.text import lexing_kernels as kernels

    return _count_in_threads(kernels.pieces, texts, _character_kinds())


def _count_in_threads(kernel: Callable[..., Array], texts: Sequence[str], *tables: Array) -> list[int]:
    """A number for each text, made by as many threads as numba may use, each of as many bytes."""
    from numba import get_num_threads

    text, offsets = in_a_row(encoded(texts))
    ends = np.searchsorted(offsets, np.linspace(offsets[0], offsets[-1], get_num_threads() + 1)[1:-1])
    parts = [offsets[first : last + 1] for first, last in pairwise((0, *ends, len(texts)))]
    with ThreadPoolExecutor(len(parts)) as pool:
        made = pool.map(lambda part: kernel(text, part, *tables), parts)
    return np.concatenate(list(made)).tolist()


@cache
def _character_kinds() -> Array:
    """uint8 for each number below 2^21: whether that character is a letter, number, blank, line end or other sign."""
    from tasks.curate.text import lexing_kernels as kernels

    table = np.full(1 << 21, kernels.SIGN, np.uint8)
    groups = {"L": kernels.LETTER, "N": kernels.NUMBER, "Z": kernels.SPACE}
    table[:0x110000] = [groups.get(unicodedata.category(chr(code))[0], kernels.SIGN) for code in range(0x110000)]
    table[[*range(0x09, 0x0E), 0x85]] = kernels.SPACE  # Unicode's white space that is no separator (Z)
    table[[0x0A, 0x0D]] = kernels.LINE
    return table


def with_vocabulary(file: Path) -> Callable[[Sequence[str]], list[int]]:
    """A function that counts the tokens of texts as the tokeniser of a Hugging Face `tokenizer.json` does.

    Neither its special tokens (those it would put around a text) nor its limit of length count. Raises SourceError
    where the library is not installed, and for a file that is no tokeniser.
    """
    tokeniser = _tokeniser(file)

    def count(texts: Sequence[str]) -> list[int]:
        sizes = []
        for at in range(0, len(texts), TOGETHER):
            some = [text.encode("utf-8", "replace").decode() for text in texts[at : at + TOGETHER]]
            sizes += [len(encoding) for encoding in tokeniser.encode_batch_fast(some, add_special_tokens=False)]
        return sizes

    return count


def _tokeniser(file: Path) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise SourceError(
            f"{file} cannot be read without the library `tokenizers`, which is not installed here: "
            "`pip install tokenizers`, or count pieces, which need no vocabulary"
        ) from error
    try:
        tokeniser = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        raise SourceError(
            f"{file} is not read as a tokeniser ({error}): "
            "name the `tokenizer.json` of a model on Hugging Face, of its fast tokeniser"
        ) from error
    tokeniser.no_truncation()
    tokeniser.no_padding()
    return tokeniser


def normal(texts: Sequence[str]) -> list[str]:
    """32 hexadecimal digits for each text, the same for texts that differ only in white space (ASCII's six)."""
    bare = (text.encode("utf-8", "surrogatepass").translate(None, WHITE) for text in texts)
    return [hashlib.blake2b(text, digest_size=16).hexdigest() for text in bare]
