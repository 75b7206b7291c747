"""Python's own parser, for one thread at a time.

CPython 3.11 counts the depth of the tree it builds once for all threads: where two threads parse, and a garbage
collection lets the other one run, it ends in "SystemError: AST constructor recursion depth mismatch". Datasets run side
by side in threads, and each reads source code for its cache keys; a run of Track B was lost to it in November 2026.
"""

import ast
import threading

_TURN = threading.RLock()  # a finalizer may parse, too, in the thread that holds it


def module(text: str) -> ast.Module:
    """The tree of a module's source. Raises SyntaxError."""
    with _TURN:
        return ast.parse(text)


def expression(text: str) -> ast.Expression:
    """The tree of one expression. Raises SyntaxError."""
    with _TURN:
        return ast.parse(text, mode="eval")
