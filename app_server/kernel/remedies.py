"""What to do about a field that was refused, in words for whoever sent it. Pure."""

from collections.abc import Mapping
from typing import Any

_BY_TYPE = {
    "missing": "It is needed: send it.",
    "extra_forbidden": "Nothing of this name is taken here: leave it out.",
    "string_type": "Send a text.",
    "string_too_long": "Send at most {max_length} characters.",
    "string_too_short": "Send at least {min_length} characters.",
    "string_pattern_mismatch": "It does not have the form that is wanted: {pattern}",
    "too_long": "Send at most {max_length}.",
    "too_short": "Send at least {min_length}.",
    "bool_type": "Send true or false.",
    "bool_parsing": "Send true or false.",
    "int_type": "Send a whole number.",
    "int_parsing": "Send a whole number.",
    "int_from_float": "Send a whole number.",
    "greater_than": "Send more than {gt}.",
    "greater_than_equal": "Send {ge} or more.",
    "less_than": "Send less than {lt}.",
    "less_than_equal": "Send {le} or less.",
    "literal_error": "Send one of: {expected}.",
    "enum": "Send one of: {expected}.",
    "uuid_type": "Send an id as this API gives it: a UUID.",
    "uuid_parsing": "Send an id as this API gives it: a UUID.",
    "list_type": "Send a list.",
    "dict_type": "Send an object.",
    "model_type": "Send an object.",
    "model_attributes_type": "Send an object.",
}


def remedy(kind: str, context: Mapping[str, Any], otherwise: str) -> str:
    """The sentence for one of pydantic's findings; `otherwise`, its own words, for a kind that is not listed."""
    if kind == "value_error":
        return str(context.get("error", otherwise))
    return _BY_TYPE.get(kind, otherwise).format_map({name: _told(value) for name, value in context.items()})


def pointer(place: tuple[int | str, ...]) -> str:
    """Where it is in the document (JSON Pointer, RFC 6901 §3)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in place)


def _told(value: Any) -> Any:
    return value.replace("'", "") if isinstance(value, str) else value
