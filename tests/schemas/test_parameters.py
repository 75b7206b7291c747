"""A shared parameter has one sentence, wherever it is shown; a flow's own docstring goes before it."""

import inspect
from typing import Annotated

import pytest
from pydantic import Field

from schemas import parameters
from schemas.parameters import DataDir, Mode, Scale, described, with_shared_parameters

pytestmark = pytest.mark.unit


def example(*, mode: Mode = "sample", words: int = 1, data_dir: DataDir = None, scale: Scale = 1.0) -> None:
    """Does a thing.

    In two paragraphs.

    Args:
        words: How many words to use, where a sentence
            goes on in a second line.
        scale: Size of the toy.
    """


def args_of(text: str) -> dict[str, str]:
    """Parameter -> text, of a docstring in Google's style."""
    from prefect.utilities.callables import parameter_docstrings

    return parameter_docstrings(text)


def test_every_parameter_is_explained_in_its_order() -> None:
    assert list(args_of(with_shared_parameters(example))) == ["mode", "words", "data_dir", "scale"]


def test_what_a_flow_explains_itself_goes_before_the_shared_sentence() -> None:
    explained = args_of(with_shared_parameters(example))
    assert explained["scale"] == "Size of the toy."
    assert explained["mode"] == described(example)["mode"]
    assert " ".join(explained["words"].split()) == "How many words to use, where a sentence goes on in a second line."


def test_the_paragraphs_before_the_args_stay() -> None:
    assert with_shared_parameters(example).startswith("Does a thing.\n\nIn two paragraphs.\n\nArgs:\n")


def test_a_function_without_a_docstring_or_own_args_is_explained_too() -> None:
    def bare(mode: Mode = "sample", other: Annotated[int, Field(gt=0)] = 1) -> None: ...

    assert list(args_of(with_shared_parameters(bare))) == ["mode", "other"]


def test_explaining_twice_changes_nothing() -> None:
    once = with_shared_parameters(example)

    def again(*, mode: Mode = "sample", words: int = 1, data_dir: DataDir = None, scale: Scale = 1.0) -> None: ...

    again.__doc__ = once
    assert inspect.cleandoc(with_shared_parameters(again)) == inspect.cleandoc(once)


def test_every_shared_parameter_is_a_sentence() -> None:
    sentences = {
        name: parameters._description(value)
        for name, value in vars(parameters).items()
        if hasattr(value, "__metadata__")
    }
    assert len(sentences) > 15
    for name, sentence in sentences.items():
        assert sentence[:1].isalpha(), name
        assert sentence.endswith("."), name
