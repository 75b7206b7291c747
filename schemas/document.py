"""JSON as it lies in a file or comes from a server: what nobody has given a type yet."""

from typing import Any, TypeAlias

# The content of a published JSON file, or another program's answer. Between functions of ours a value has a type.
Document: TypeAlias = dict[str, Any]
