"""Queries and JSON bodies, checked against the same schemas that the OpenAPI document shows."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from jupyter_box.errors import InvalidName

Schema = Mapping[str, Any]
TRUE, FALSE = ("1", "true", "yes"), ("0", "false", "no")


def read_query(given: Mapping[str, list[bytes]], expected: Mapping[str, Schema]) -> dict[str, Any]:
    """Return the query's values in their types; what is not expected (`_xsrf`, `token`) is left out.

    Args:
        given: The query as Tornado has it.
        expected: The schema of each parameter; `required` in it says that it must be there.

    Raises:
        InvalidName: A value is not what its schema asks for, or is missing.
    """
    values = {
        name: _typed(given[name][-1].decode("utf-8", "replace"), expected[name]) for name in expected if name in given
    }
    required = [name for name, schema in expected.items() if schema.get("x-required")]
    return _checked(values, {"properties": dict(expected), "required": required}, "parameter")


def read_body(raw: bytes, expected: Schema) -> dict[str, Any]:
    """Return the JSON object of a body.

    Raises:
        InvalidName: It is no JSON, no object, or a value in it is not what the schema asks for.
    """
    try:
        value = json.loads(raw or b"{}")
    except (ValueError, RecursionError):
        raise _refused("The body is no JSON.", "Send a JSON object.") from None
    if not isinstance(value, dict):
        raise _refused("The body is no JSON object.", "Send a JSON object.")
    return _checked(value, expected, "field")


def _typed(text: str, schema: Schema) -> Any:
    kind = schema["type"]
    if kind == "integer" and re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    if kind == "boolean" and text.lower() in TRUE + FALSE:
        return text.lower() in TRUE
    if kind == "array":
        return [part for part in text.split(",") if part]
    return text


def _checked(values: dict[str, Any], schema: Schema, noun: str) -> dict[str, Any]:
    # a late import: the server's start must not wait for it
    from jsonschema import Draft202012Validator

    problem = next(Draft202012Validator({"type": "object", **schema}).iter_errors(values), None)
    if problem is None:
        return values
    # never the value itself: it may be a password
    if problem.validator == "required":
        missing = ", ".join(name for name in problem.validator_value if name not in values)
        raise _refused(f"The {noun} {missing} is missing.", "See jupyter-box/openapi.json.")
    if problem.validator == "additionalProperties":
        raise _refused(f"There is a {noun} that this route does not know.", "See jupyter-box/openapi.json.")
    raise _refused(
        f"The {noun} {problem.path[0]} is not as it should be.", f"It must be {_wording(schema, problem.path[0])}."
    )


def _wording(schema: Schema, name: str | int) -> str:
    rules = {
        key: value for key, value in schema["properties"][name].items() if key not in {"description", "x-required"}
    }
    return ", ".join(f"{key} {value}" for key, value in rules.items())


def _refused(message: str, hint: str) -> InvalidName:
    return InvalidName(message, hint=hint, code="bad_request")
