"""Python's own parser, for one thread at a time.

CPython 3.11 counts the depth of the tree it builds once for all threads: where two threads parse, and a garbage
collection lets the other one run, it ends in "SystemError: AST constructor recursion depth mismatch". Datasets run side
by side in threads, and each reads source code for its cache keys; a run of Track B was lost to it in November 2026.
"""

import ast
import gc
import threading
from typing import cast

_TURN = threading.RLock()  # a finalizer may parse, too, in the thread that holds it


def module(text: str) -> ast.Module:
    """The tree of a module's source. Raises SyntaxError."""
    return cast("ast.Module", _parsed(text, "exec"))


def expression(text: str) -> ast.Expression:
    """The tree of one expression. Raises SyntaxError."""
    return cast("ast.Expression", _parsed(text, "eval"))


def _parsed(text: str, mode: str) -> ast.AST:
    """Without collections, in which alone another thread could run meanwhile: libraries parse too, and take no turn."""
    with _TURN:
        collects = gc.isenabled()
        gc.disable()
        try:
            return ast.parse(text, mode=mode)
        finally:
            if collects:
                gc.enable()
