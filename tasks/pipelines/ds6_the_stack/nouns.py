"""Names and nouns as a request has them: articles, plurals, numbers, lists. Pure."""

import re
from collections.abc import Sequence

from schemas.ds6_the_stack import LONGEST_NAME

SAYABLE = re.compile(r"[A-Za-z0-9*][\w.:/@*+=%-]*", re.ASCII)
WORDS_OF = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+[0-9]*")  # HTTPRoute -> HTTP, Route
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
SPELLED = re.compile(r"[AEFHILMNORSX][A-Z]")  # an HTTPRoute: the name of its first letter begins with a vowel
SOUNDS = re.compile(r"[AEIOaeio]|[Uu](?!ni|se|ti)")


def sayable(text: str) -> str:
    """A name that may be in a request; "" for one that is too long, is templated, or was redacted (`<EMAIL>`)."""
    fits = len(text) <= LONGEST_NAME and SAYABLE.fullmatch(text)
    return text if fits else ""


def sayable_image(image: str) -> str:
    """An image by its name and tag, without digest; as much of its registry and folders as fits."""
    parts = image.partition("@")[0].split("/")
    return next((whole for first in range(len(parts)) if (whole := sayable("/".join(parts[first:])))), "")


def kind_in_words(kind: str) -> str:
    """ConfigMap -> "config map", HTTPRoute -> "HTTP route"."""
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in WORDS_OF.findall(kind))


def with_article(noun: str) -> str:
    """A noun with its article, as it sounds: an Ingress, a UserGroup, an HTTPRoute."""
    vowel = SPELLED.match(noun) if noun[:2].isupper() else SOUNDS.match(noun)
    return f"{'an' if vowel else 'a'} {noun}"


def plural(noun: str) -> str:
    """Several of a noun: policies, ingresses, gateways; Endpoints are several already."""
    if re.search(r"(?:ss|x|ch|sh)$", noun):
        return noun + "es"
    if noun.endswith("s"):
        return noun
    return noun[:-1] + "ies" if re.search(r"[^aeiou]y$", noun) else noun + "s"


def counted(count: int, noun: str) -> str:
    """A number of things: "a Role", "two Roles", "12 Roles"."""
    return with_article(noun) if count == 1 else f"{amount(count)} {plural(noun)}"


def amount(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


def listed(words: Sequence[str]) -> str:
    """a; a and b; a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
