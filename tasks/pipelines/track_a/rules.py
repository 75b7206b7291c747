"""Track A's reasons for rejects: which rows of the datasets are not in the training set, and why."""

from schemas.reject import reasons
from tasks.quality.splits import CONTEXT_CROSSES_SPLIT

REASONS = reasons(CONTEXT_CROSSES_SPLIT)
