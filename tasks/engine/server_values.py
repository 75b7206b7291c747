"""Values that a run takes from the Prefect server: thresholds, and keys in secret blocks."""

from typing import Any

from prefect.blocks.system import Secret
from prefect.variables import Variable
from pydantic import SecretStr, ValidationError

from schemas.finding import UserError
from schemas.thresholds import VARIABLE, Thresholds, faults
from tasks.engine import secrets

NO_BLOCK = "Unable to find block document"  # how Prefect says it


class ThresholdsInvalid(UserError):
    """The variable of thresholds has names or values that are no thresholds."""


def thresholds(**given: Any) -> Thresholds:
    """The run's own values (None: none given) over the server's variable automend_thresholds over our defaults.

    So a person changes thresholds in the UI, and the next run follows, without a new deployment.
    Raises ThresholdsInvalid.
    """
    variable: Any = Variable.get(VARIABLE, default={})
    try:
        agreed = Thresholds.model_validate(variable)
    except ValidationError as error:
        raise ThresholdsInvalid(
            f"The variable {VARIABLE} on the Prefect server is not valid: {'; '.join(faults(error))}. Correct it (UI, "
            "Variables), or delete it: `python -m deployments.bootstrap` makes it anew with the defaults."
        ) from error
    return agreed.over(given)


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
