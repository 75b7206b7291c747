"""Function definitions as people and models write them, made into valid offers; and parameters into what they ask for.

In: text with definitions in JSON anywhere in it. Out: offers as schemas/format_b.OFFER_SCHEMA has them, with
`parameters` a JSON Schema (draft 2020-12) of type object, and words of REPAIRS for all that was not as it should be.
Nothing is left out in silence, nothing is guessed: a type nobody knows becomes no type, not another.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs

from tasks.pipelines.ds5_glaive.loose_json import Unreadable, portable, read_at

# Words for a type, as other languages and hurried authors have them -> JSON Schema's.
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
WRAPPED = ("function", "functions", "tools")  # keys under which others put a definition, or several
POINTERS = frozenset({"$ref", "$dynamicRef", "$schema", "$id", "$anchor", "$dynamicAnchor", "$recursiveRef"})
UNIONS = ("anyOf", "oneOf", "allOf")
MOST_TRIED = 500  # braces of a text that begin no JSON
MOST_REMOVED = 50  # keywords taken out of one schema before it is given up
REPAIRS: Mapping[str, str] = {
    "definition_twice": "the same function is defined again; the first one stays",
    "definition_keys_left_out": "a definition had keys besides name, description and parameters",
    "description_missing": "a function has no description, or none that is text",
    "parameters_missing": "a function's parameters are missing, null or no object",
    "properties_wrapped": "parameters stood where `properties` should have been",
    "properties_listed": "properties stood in a list, each with its name",
    "property_repaired": "a property's schema was a word or nothing",
    "type_renamed": "a type had another language's name",
    "type_unknown": "a type that no one knows was left out",
    "required_repaired": "`required` named what is no property, or was no list of names",
    "items_repaired": "`items` was no schema",
    "reference_left_out": "a reference was left out: nothing is fetched",
    "keyword_left_out": "a keyword that is no valid JSON Schema was left out",
}
_BRACES = re.compile(r"\{|\[+")  # a run of brackets is tried from its last
_DEFINES = re.compile(r"\{\s*[\"']?(?:name|type|function|functions|tools|description|parameters)[\"']?\s*:")


class Unusable(ValueError):
    """A definition that is none; the message is a snake_case reason."""


@dataclass
class Offers:
    """Functions as offers, in the order of their text, and what was repaired."""

    functions: list[dict[str, Any]] = field(default_factory=list)
    repairs: set[str] = field(default_factory=set)


def offers_in(text: str) -> Offers:
    """The functions defined in a text. JSON that defines none (an example, a placeholder in braces) is passed over.

    Raises Unusable: function_unreadable, function_without_name, function_schema_invalid.
    """
    found = Offers()
    for definition in _definitions(text):
        offer = _offer(definition, found.repairs)
        if any(other["name"] == offer["name"] for other in found.functions):
            found.repairs.add("definition_twice")
        else:
            found.functions.append(offer)
    return found


def _definitions(text: str) -> Iterator[Mapping[str, Any]]:
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


def _unwrapped(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _unwrapped(item)
    elif isinstance(value, dict) and _defines(value):
        yield value
    elif isinstance(value, dict):
        yield from _unwrapped(next((value[key] for key in WRAPPED if key in value), None))


def _defines(value: Mapping[str, Any]) -> bool:
    """Whether an object means a function: a name and more of what describes one, a name alone, or all but the name."""
    keys = value.keys()
    if isinstance(value.get("name"), str):
        return keys == {"name"} or bool(keys & DESCRIBING)
    return "description" in keys and bool(keys & {"parameters", "properties"}) and "type" not in keys


def _offer(definition: Mapping[str, Any], repairs: set[str]) -> dict[str, Any]:
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
        "parameters": _valid(_parameters(given, repairs), repairs),
    }


def _parameters(given: Any, repairs: set[str]) -> dict[str, Any]:
    """The schema of a function's parameters: always of type object, closed where its properties are known."""
    if not isinstance(given, dict):
        repairs.add("parameters_missing")
        return {"type": "object", "properties": {}}
    if "properties" not in given and given and all(isinstance(value, dict) for value in given.values()):
        repairs.add("properties_wrapped")
        given = {"properties": given}
    if given.get("type") != "object":
        repairs.add("type_renamed")
    schema = _schema({**given, "type": "object"}, repairs)
    schema.setdefault("properties", {})
    if isinstance(given.get("properties"), (dict, list)):
        schema.setdefault("additionalProperties", False)
    return schema


def _schema(given: Any, repairs: set[str]) -> dict[str, Any]:
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
            schema[key] = [_schema(part, repairs) for part in schema[key]]
    return {key: schema[key] for key in (*given, *schema) if key in schema}  # in the author's order


def _name_type(schema: dict[str, Any], repairs: set[str]) -> None:
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


def _name_properties(schema: dict[str, Any], repairs: set[str]) -> None:
    """Properties as a mapping of schemas, and `required` as the list of those of them that are."""
    given = schema.get("properties")
    if isinstance(given, list):
        repairs.add("properties_listed")
        given = {part["name"]: part for part in given if isinstance(part, dict) and isinstance(part.get("name"), str)}
    if isinstance(given, dict):
        schema["properties"] = {name: _schema(_without_flag(part), repairs) for name, part in given.items()}
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
        return _schema(given, repairs) if isinstance(given, dict) else given
    repairs.add("items_repaired")
    parts = given if isinstance(given, list) else [given]
    return _schema(parts[0], repairs) if len(parts) == 1 else {}


def _valid(schema: dict[str, Any], repairs: set[str]) -> dict[str, Any]:
    """The schema without the keywords that make it none. Raises Unusable when nothing is left to take out."""
    for _ in range(MOST_REMOVED):
        try:
            jsonschema_rs.validator_for(schema, offline=True)
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as fault:
            path = getattr(fault, "instance_path", [])
            if not path:
                break
            repairs.add("keyword_left_out")
            _remove(schema, path)
        else:
            return schema
    raise Unusable("function_schema_invalid")


def _remove(schema: Any, path: Sequence[str | int]) -> None:
    for step in path[:-1]:
        schema = schema[step]
    del schema[path[-1]]


# ---------------------------------------------------------------------------------------------------------------------
# Parameters of a call

COERCIONS: Mapping[str, str] = {
    "number_from_text": "a number stood in quotes",
    "integer_from_float": "a whole number was written with a point",
    "boolean_from_text": "true or false stood in quotes",
    "text_from_number": "a text was written as a number",
    "optional_null_left_out": "an optional parameter was null",
}
_INTEGER = re.compile(r"[-+]?\d{1,18}")
_DECIMAL = re.compile(r"[-+]?\d{1,18}(?:\.\d{1,18})?")
_BOOLEANS = {"true": True, "false": False}


def coerced(value: Any, schema: Any, repairs: set[str]) -> Any:
    """`value` with the types that `schema` asks for, where there is but one way to read it; else as it is."""
    if not isinstance(schema, dict):
        return value
    if isinstance(value, dict) and isinstance(schema.get("properties"), dict):
        return _coerced_members(value, schema, repairs)
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return [coerced(item, schema["items"], repairs) for item in value]
    kind = schema.get("type")
    return _coerced_scalar(value, kind, repairs) if isinstance(kind, str) else value


def _coerced_members(value: Mapping[str, Any], schema: Mapping[str, Any], repairs: set[str]) -> dict[str, Any]:
    properties = schema["properties"]
    found = {}
    for name, member in value.items():
        if (
            member is None
            and name in properties
            and name not in schema.get("required", [])
            and _never_null(properties[name])
        ):
            repairs.add("optional_null_left_out")
        else:
            found[name] = coerced(member, properties.get(name), repairs)
    return found


def _never_null(schema: Mapping[str, Any]) -> bool:
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
