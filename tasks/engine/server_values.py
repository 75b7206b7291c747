"""What a run asks the server for: thresholds that were agreed on, keys that are kept there."""

from typing import Any

from prefect.blocks.system import Secret
from prefect.variables import Variable
from pydantic import SecretStr, ValidationError

from schemas.finding import UserError
from schemas.settings import ask_also
from schemas.thresholds import VARIABLE, Thresholds
from tasks.engine import secrets

NO_BLOCK = "Unable to find block document"  # how Prefect says it


class ThresholdsInvalid(UserError):
    """The variable of thresholds does not hold thresholds."""


def thresholds(**given: Any) -> Thresholds:
    """What a run was given (None: nothing), else the server's variable automend_thresholds, else our defaults.

    So a person changes them in the UI, and the next run follows, without a new deployment. Raises ThresholdsInvalid.
    """
    told: Any = Variable.get(VARIABLE, default={})
    try:
        agreed = Thresholds.model_validate(told)
    except ValidationError as fault:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or VARIABLE}: {e['msg']}" for e in fault.errors())
        raise ThresholdsInvalid(
            f"The variable {VARIABLE} on the Prefect server is not valid: {wrong}. Correct it (UI, Variables), or "
            "delete it: `python -m deployments.bootstrap` makes it anew with the defaults."
        ) from fault
    return agreed.over(**given)


def kept_secret(name: str) -> SecretStr | None:
    """The key in a setting's secret block (`hf_token`: automend-hf-token); None where there is none, or an empty one.

    Raises what the server raises when it cannot be asked: a run must not go on as if there were no key.
    """
    try:
        value = str(Secret.load(f"automend-{name.replace('_', '-')}").get())  # type: ignore[union-attr]
    except ValueError as fault:
        if NO_BLOCK not in str(fault):
            raise
        return None
    if value:
        secrets.register(value)
    return SecretStr(value) if value else None


ask_also(kept_secret)
