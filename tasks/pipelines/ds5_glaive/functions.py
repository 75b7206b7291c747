"""Function definitions as people and models write them, as functions that can be offered; and calls' arguments with the
types that a definition asks for.

In: text with definitions in JSON anywhere in it. Out: functions as schemas/format_b.OFFER_SCHEMA has them, with
`parameters` a JSON Schema (draft 2020-12) of type object. Every repair is added to `repairs` (rules.DEFINITION_REPAIRS,
rules.ARGUMENT_REPAIRS). Nothing is guessed: a type with an unknown name is removed, not replaced.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs

from schemas.document import Document
from schemas.ds5_glaive import OfferedFunction
from tasks.pipelines.ds5_glaive.loose_json import Unreadable, portable, read_at

# Names of a type in other languages -> JSON Schema's name.
TYPES: Mapping[str, str] = {
    **dict.fromkeys(("object", "dict", "dictionary", "map", "mapping", "hash", "struct", "json"), "object"),
    **dict.fromkeys(("array", "list", "tuple", "set", "sequence"), "array"),
    **dict.fromkeys(("number", "float", "double", "decimal", "numeric", "real"), "number"),
    **dict.fromkeys(("integer", "int", "long", "short", "int32", "int64"), "integer"),
    **dict.fromkeys(("boolean", "bool"), "boolean"),
    **dict.fromkeys(("null", "none", "nil"), "null"),
    **dict.fromkeys(("string", "str", "text", "char", "varchar", "enum"), "string"),
    **dict.fromkeys(("date", "time", "datetime", "date-time", "email", "uri", "url", "uuid", "file"), "string"),
}
DESCRIBED = frozenset({"name", "description", "parameters"})
DESCRIBING = frozenset({"description", "parameters", "properties"})
WRAPPED = ("function", "functions", "tools")  # keys under which some authors put a definition, or several
POINTERS = frozenset({"$ref", "$dynamicRef", "$schema", "$id", "$anchor", "$dynamicAnchor", "$recursiveRef"})
UNIONS = ("anyOf", "oneOf", "allOf")
MOST_TRIED = 500  # braces of a text that begin no JSON
MOST_REMOVED = 50  # keywords removed from one schema before it is given up
_BRACES = re.compile(r"\{|\[+")  # a run of brackets is tried from its last
_DEFINES = re.compile(r"\{\s*[\"']?(?:name|type|function|functions|tools|description|parameters)[\"']?\s*:")


class Unusable(ValueError):
    """A definition that cannot be used; the message is the name of a reason (rules.REASONS)."""


@dataclass
class OfferedFunctions:
    """The functions a text defines, in its order, and what was repaired in their definitions."""

    functions: list[OfferedFunction] = field(default_factory=list)
    repairs: set[str] = field(default_factory=set)


def offered_functions(text: str) -> OfferedFunctions:
    """The functions defined in a text. JSON that defines none (an example, a placeholder in braces) is passed over.

    Raises Unusable: function_unreadable, function_without_name, function_schema_invalid.
    """
    offered = OfferedFunctions()
    for definition in _definitions(text):
        function = _function_of(definition, offered.repairs)
        if any(other["name"] == function["name"] for other in offered.functions):
            offered.repairs.add("definition_twice")
        else:
            offered.functions.append(function)
    return offered


def _definitions(text: str) -> Iterator[Document]:
    """Every definition in a text: one object after the other, with or without commas, lists, or wrapped."""
    at = tried = 0
    while brace := _BRACES.search(text, at):
        try:
            value, at = read_at(text, brace.end() - 1)
            yield from _unwrapped(portable(value))
        except Unreadable as fault:
            tried += 1
            if _DEFINES.match(text, brace.end() - 1) or tried > MOST_TRIED:
                raise Unusable("function_unreadable") from fault
            at = brace.end()


def _unwrapped(value: Any) -> Iterator[Document]:
    """The definitions in a JSON value: itself, the items of a list, or the value under a key of WRAPPED."""
    if isinstance(value, list):
        for item in value:
            yield from _unwrapped(item)
    elif isinstance(value, dict) and _defines(value):
        yield value
    elif isinstance(value, dict):
        yield from _unwrapped(next((value[key] for key in WRAPPED if key in value), None))


def _defines(value: Document) -> bool:
    """Whether an object defines a function: a name with more that describes one, a name alone, or all but the name."""
    keys = value.keys()
    if isinstance(value.get("name"), str):
        return keys == {"name"} or bool(keys & DESCRIBING)
    return "description" in keys and bool(keys & {"parameters", "properties"}) and "type" not in keys


def _function_of(definition: Document, repairs: set[str]) -> OfferedFunction:
    name, description = definition.get("name"), definition.get("description")
    if not isinstance(name, str) or not name.strip():
        raise Unusable("function_without_name")
    if definition.keys() - DESCRIBED:
        repairs.add("definition_keys_left_out")
    if not isinstance(description, str):
        repairs.add("description_missing")
    given = definition.get("parameters")
    if given is None and "properties" in definition:
        repairs.add("properties_wrapped")
        given = {key: definition[key] for key in ("type", "properties", "required") if key in definition}
    return {
        "name": name.strip(),
        "description": description if isinstance(description, str) else "",
        "parameters": _without_invalid_keywords(_parameters_schema(given, repairs), repairs),
    }


def _parameters_schema(given: Any, repairs: set[str]) -> Document:
    """The schema of a function's parameters: always of type object, closed where its properties are known."""
    if not isinstance(given, dict):
        repairs.add("parameters_missing")
        return {"type": "object", "properties": {}}
    if "properties" not in given and given and all(isinstance(value, dict) for value in given.values()):
        repairs.add("properties_wrapped")
        given = {"properties": given}
    if given.get("type") != "object":
        repairs.add("type_renamed")
    schema = _repaired_schema({**given, "type": "object"}, repairs)
    schema.setdefault("properties", {})
    if isinstance(given.get("properties"), (dict, list)):
        schema.setdefault("additionalProperties", False)
    return schema


def _repaired_schema(given: Any, repairs: set[str]) -> Document:
    """A schema with its types named as JSON Schema does, all the way down."""
    if not isinstance(given, dict):
        repairs.add("property_repaired")
        kind = TYPES.get(given.strip().lower()) if isinstance(given, str) else None
        return {"type": kind} if kind else {"description": given} if isinstance(given, str) else {}
    schema = {key: value for key, value in given.items() if key not in POINTERS}
    if len(schema) < len(given):
        repairs.add("reference_left_out")
    _name_type(schema, repairs)
    _name_properties(schema, repairs)
    if "items" in schema:
        schema["items"] = _items(schema["items"], repairs)
    for key in UNIONS:
        if isinstance(schema.get(key), list):
            schema[key] = [_repaired_schema(part, repairs) for part in schema[key]]
    return {key: schema[key] for key in (*given, *schema) if key in schema}  # in the author's order


def _name_type(schema: Document, repairs: set[str]) -> None:
    if "type" not in schema:
        return
    given = schema.pop("type")
    words = given if isinstance(given, list) else [given]
    kinds = [TYPES.get(word.strip().lower()) if isinstance(word, str) else None for word in words]
    known = list(dict.fromkeys(kind for kind in kinds if kind))
    if None in kinds or not known:
        repairs.add("type_unknown")
    elif known != words:
        repairs.add("type_renamed")
    if known and None not in kinds:
        schema["type"] = known if isinstance(given, list) else known[0]


def _name_properties(schema: Document, repairs: set[str]) -> None:
    """Properties as a mapping of schemas, and `required` as the list of those of them that are."""
    given = schema.get("properties")
    if isinstance(given, list):
        repairs.add("properties_listed")
        given = {part["name"]: part for part in given if isinstance(part, dict) and isinstance(part.get("name"), str)}
    if isinstance(given, dict):
        schema["properties"] = {name: _repaired_schema(_without_flag(part), repairs) for name, part in given.items()}
    flagged = [name for name, part in (given or {}).items() if _flag(part) is True] if isinstance(given, dict) else []
    if "required" not in schema and not flagged:
        return
    asked = schema.pop("required", [])
    names = asked if isinstance(asked, list) else [asked]
    known = [name for name in (*names, *flagged) if isinstance(name, str) and name in schema.get("properties", {})]
    if known != asked:
        repairs.add("required_repaired")
    schema["required"] = list(dict.fromkeys(known))


def _flag(part: Any) -> Any:
    """`required: true` inside a property, as some write it; None when `required` is there a list, or is not."""
    flag = part.get("required") if isinstance(part, dict) else None
    return flag if isinstance(flag, bool) else None


def _without_flag(part: Any) -> Any:
    return part if _flag(part) is None else {key: value for key, value in part.items() if key != "required"}


def _items(given: Any, repairs: set[str]) -> Any:
    if isinstance(given, (dict, bool)):
        return _repaired_schema(given, repairs) if isinstance(given, dict) else given
    repairs.add("items_repaired")
    parts = given if isinstance(given, list) else [given]
    return _repaired_schema(parts[0], repairs) if len(parts) == 1 else {}


def _without_invalid_keywords(schema: Document, repairs: set[str]) -> Document:
    """The schema without the keywords that make it invalid. Raises Unusable where removing them does not help."""
    for _ in range(MOST_REMOVED):
        try:
            jsonschema_rs.validator_for(schema, offline=True)
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as fault:
            path = getattr(fault, "instance_path", [])
            if not path:
                break
            repairs.add("keyword_left_out")
            _delete_at(schema, path)
        else:
            return schema
    raise Unusable("function_schema_invalid")


def _delete_at(schema: Any, path: Sequence[str | int]) -> None:
    for step in path[:-1]:
        schema = schema[step]
    del schema[path[-1]]


# ---------------------------------------------------------------------------------------------------------------------
# Arguments of a call

_INTEGER = re.compile(r"[-+]?\d{1,18}")
_DECIMAL = re.compile(r"[-+]?\d{1,18}(?:\.\d{1,18})?")
_BOOLEANS = {"true": True, "false": False}


def coerced(value: Any, schema: Any, repairs: set[str]) -> Any:
    """`value` with the types that `schema` asks for, where it can be read in one way only; else unchanged."""
    if not isinstance(schema, dict):
        return value
    if isinstance(value, dict) and isinstance(schema.get("properties"), dict):
        return _coerced_members(value, schema, repairs)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [coerced(item, schema["items"], repairs) for item in value]
    kind = schema.get("type")
    return _coerced_scalar(value, kind, repairs) if isinstance(kind, str) else value


def _coerced_members(value: Document, schema: Document, repairs: set[str]) -> Document:
    properties = schema["properties"]
    members = {}
    for name, member in value.items():
        if (
            member is None
            and name in properties
            and name not in schema.get("required", [])
            and _never_null(properties[name])
        ):
            repairs.add("optional_null_left_out")
        else:
            members[name] = coerced(member, properties.get(name), repairs)
    return members


def _never_null(schema: Document) -> bool:
    return isinstance(schema.get("type"), str) and schema["type"] != "null"


def _coerced_scalar(value: Any, kind: str, repairs: set[str]) -> Any:
    """One value. Subtle: True is an int for Python, and no number for JSON."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _from_text(value.strip(), value, kind, repairs)
    if kind == "integer" and isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        repairs.add("integer_from_float")
        return int(value)
    if kind == "string" and isinstance(value, (int, float)):
        repairs.add("text_from_number")
        return str(value)
    return value


def _from_text(word: str, value: str, kind: str, repairs: set[str]) -> Any:
    if kind == "boolean" and word.lower() in _BOOLEANS:
        repairs.add("boolean_from_text")
        return _BOOLEANS[word.lower()]
    if kind in {"integer", "number"} and _INTEGER.fullmatch(word):
        repairs.add("number_from_text")
        return int(word)
    if kind == "number" and _DECIMAL.fullmatch(word):
        repairs.add("number_from_text")
        return float(word)
    return value
