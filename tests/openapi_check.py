"""Checks every answer of the emulator against Box's published OpenAPI; each exception stands here with its reason."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import jsonschema_rs

MOMENT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"
NAMES = "#/components/schemas/"

# Where Box's file and Box differ; each with what is done instead.
TOLERATED_STATUS = {
    # the file says 200; the service answers 201, and its SDKs take either
    ("post_files_id_content", 201): 200,
    # a new version's preflight is in the guides, not in the file; nothing to compare
}
TOLERATED_CODE = "the error guide documents many more codes than the enum in the file"
TOLERATED_REQUIRED = {"accessed"}  # a slip: the property is called `access`
SINGLE_CONFLICT = "for files the conflict is one object; the file has only the list that folders give"
GENERIC = "GenericSource"  # any object at all: with it in a oneOf, nothing could fail


class Checker:
    """Told every response, keeps what Box's OpenAPI does not allow in `violations`."""

    def __init__(self, path: Path) -> None:
        self.document = json.loads(path.read_text())
        self.violations: list[str] = []
        self.checked: set[tuple[str, int]] = set()
        self.operations = {
            operation["operationId"]: operation
            for operations in self.document["paths"].values()
            for operation in operations.values()
            if isinstance(operation, dict) and "operationId" in operation
        }
        self.definitions = {name: convert(schema) for name, schema in self.document["components"]["schemas"].items()}
        self.definitions["EventSourceResource"] = _without_generic(self.definitions["EventSourceResource"])
        self.validator = cache(self._validator)

    def __call__(self, operation: str, method: str, status: int, body: object) -> None:
        self.checked.add((operation, status))
        if method == "HEAD" or status == 501:
            return
        found = self._response(operation, status)
        if found is None:
            self._complain(operation, status, "is not in Box's OpenAPI")
            return
        schema = found.get("content", {}).get("application/json", {}).get("schema")
        if schema is None:
            if body is not None and status not in (200, 304):
                self._complain(operation, status, "has a body that Box's OpenAPI does not know")
            return
        if body is None and status >= 400:
            return
        if any(
            self.validator(json.dumps(each)).is_valid(body) for each in [schema, *self._other_shapes(operation, status)]
        ):
            return
        for error in self.validator(json.dumps(schema)).iter_errors(body):
            where = "/".join(str(step) for step in error.instance_path)
            self._complain(operation, status, f"at {where or '.'}: {str(error.message)[:300]}")

    def _response(self, operation: str, status: int) -> dict | None:
        if operation not in self.operations:
            return None
        responses = self.operations[operation]["responses"]
        code = str(TOLERATED_STATUS.get((operation, status), status))
        return responses.get(code) or (responses.get("default") if status >= 400 else None)

    def _other_shapes(self, operation: str, status: int) -> list[dict]:
        """Return the schemas of the operations that Box's file keeps apart by a fragment, though they are one route."""
        others = [each for name, each in self.operations.items() if name.startswith(f"{operation}#")]
        found = [each["responses"].get(str(status), {}).get("content", {}) for each in others]
        return [content["application/json"]["schema"] for content in found if content]

    def _validator(self, text: str) -> jsonschema_rs.Draft202012Validator:
        schema = convert(json.loads(text))
        return jsonschema_rs.Draft202012Validator({**schema, "components": {"schemas": self.definitions}})

    def _complain(self, operation: str, status: int, what: str) -> None:
        line = f"{operation} {status} {what}"
        if line not in self.violations:
            self.violations.append(line)


def convert(schema: object) -> object:
    """Return an OpenAPI 3.0 schema as JSON Schema: nullable becomes a type, format date-time a pattern."""
    if isinstance(schema, list):
        return [convert(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    nullable = schema.get("nullable") or any(
        part.get("nullable") and "type" not in part for part in schema.get("allOf", [])
    )
    made = {
        key: convert(value)
        for key, value in schema.items()
        if key not in ("nullable", "example", "description", "discriminator")
    }
    if isinstance(made.get("properties"), dict):
        made["properties"] = {name: convert(value) for name, value in schema["properties"].items()}
    if isinstance(made.get("required"), list):
        made["required"] = [name for name in made["required"] if name not in TOLERATED_REQUIRED]
    _loosen(schema, made)
    if schema.get("format") == "date-time":
        made["pattern"] = MOMENT
    made.pop("format", None)
    # a value may fit two branches, because nearly nothing is required
    if "oneOf" in made:
        made["anyOf"] = made.pop("oneOf")
    return {"anyOf": [{"type": "null"}, made]} if nullable else made


def _loosen(schema: dict, made: dict) -> None:
    properties = schema.get("properties", {})
    if "help_url" in properties and "code" in properties:
        made["properties"]["code"] = {"type": "string", "$comment": TOLERATED_CODE}
    if "tags" in properties:
        # the file's minimum is for what is sent; an item without tags has an empty list
        _drop(made["properties"]["tags"], "minItems")
    if "conflicts" in properties:
        made["properties"]["conflicts"] = {"type": ["object", "array"], "$comment": SINGLE_CONFLICT}


def _drop(schema: object, name: str) -> None:
    if isinstance(schema, dict):
        schema.pop(name, None)
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        _drop(part, name)


def _without_generic(schema: dict) -> dict:
    return {
        **schema,
        "anyOf": [branch for branch in schema["anyOf"] if not re.search(f"{GENERIC}$", branch.get("$ref", ""))],
    }
