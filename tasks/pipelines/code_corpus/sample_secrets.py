"""Values of the sample that must not be published: how each is drawn, named and mentioned. Pure."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from tasks.pipelines.code_corpus.sample_texts import OWNERS

LETTERS = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
BASE64 = LETTERS + LETTERS.upper() + DIGITS + "+/"


@dataclass(frozen=True)
class Secret:
    """A kind of value: how it is drawn, the name it has in a program, and what a comment says of it."""

    draw: Callable[[random.Random], str]
    name: str
    comment: str


def _email_address(rng: random.Random) -> str:
    name = rng.choice(("ada", "grace", "linus", "barbara", "edsger"))
    return f"{name}.{rng.choice(OWNERS)}{rng.randrange(999)}@{rng.choice(OWNERS)}.io"


def _host_address(rng: random.Random) -> str:
    return ".".join(str(part) for part in (rng.choice((10, 81, 93, 151, 188)), *(rng.randrange(1, 250) for _ in "abc")))


def _aws_key_id(rng: random.Random) -> str:
    return "AKIA" + "".join(rng.choices(LETTERS.upper() + "234567", k=16))


def _aws_secret_key(rng: random.Random) -> str:
    return rng.choice(LETTERS) + "".join(rng.choices(BASE64, k=38)) + rng.choice(DIGITS)  # a slash would begin a path


def _github_token(rng: random.Random) -> str:
    return "ghp_" + "".join(rng.choices(LETTERS + LETTERS.upper() + DIGITS, k=36))


def _test_password(rng: random.Random) -> str:
    return (
        "".join(rng.choices(LETTERS + LETTERS.upper() + DIGITS, k=11)) + rng.choice("!_+") + str(rng.randrange(10, 99))
    )


def _pem_key(rng: random.Random) -> str:
    """A key of three lines and the two around them, separated as a string on one line separates them."""
    label = "RSA PRIVATE " + "KEY"
    body = ["MII" + "".join(rng.choices(BASE64, k=61)), *("".join(rng.choices(BASE64, k=64)) for _ in "ab")]
    return "\\n".join((f"-----BEGIN {label}-----", *body, f"-----END {label}-----"))


SECRETS = (
    Secret(_email_address, "SUPPORT_ADDRESS", "Ask {} before this is changed"),
    Secret(_host_address, "PEER_HOST", "Runs on {} since the move"),
    Secret(_aws_key_id, "AWS_ACCESS_KEY_ID", "The account of the nightly job is {}"),
    Secret(_aws_secret_key, "AWS_SECRET_ACCESS_KEY", 'Until May: aws_secret_access_key = "{}"'),
    Secret(_github_token, "GITHUB_TOKEN", "Clone with {} until the account is there"),
    Secret(_test_password, "DB_PASSWORD", "On the test system, password: {}"),
    Secret(_pem_key, "SIGNING_KEY", "{}"),
)
