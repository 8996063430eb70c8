"""The REST face as an OpenAPI document, made from the route table and from the values that it answers with."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jupyter_box import items
from jupyter_box._version import __version__
from jupyter_box.events import Progress

from .board import State, Wanted
from .routes import PREFIX, ROUTES, Operation, Route

JSON = "application/json"
VALUES = (items.Item, items.Version, items.SharedLink, items.Collaboration, items.User, items.Lock, items.Account)
PLAIN: Mapping[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    datetime: {"type": "string", "format": "date-time"},
    type(None): {"type": "null"},
}


def document(base_url: str = "/") -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of the REST face.

    Args:
        base_url: Where the Jupyter server is, e.g. `/user/alice/`.
    """
    return {
        "openapi": "3.1.0",
        "info": {"title": "jupyter-box", "version": __version__, "description": _INTRODUCTION},
        "servers": [{"url": f"{base_url.rstrip('/')}/{PREFIX}"}],
        "security": [{"token": []}, {"login": [], "xsrf": []}],
        "paths": {f"/{route.path}": _path(route) for route in ROUTES},
        "components": {"schemas": _schemas(), "securitySchemes": _SECURITY},
    }


_INTRODUCTION = (
    "Box in the Jupyter server. Login and XSRF are Jupyter's own. A `path` starts at the drive's root, its slashes "
    "stand as they are; `id:123` is an item by its id. Every error is `{code, message, hint, request_id}`."
)
_SECURITY = {
    "token": {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`token`, a space, the token"},
    "login": {"type": "apiKey", "in": "cookie", "name": "username-host", "description": "Jupyter's login cookie"},
    "xsrf": {"type": "apiKey", "in": "header", "name": "X-XSRFToken", "description": "The value of the cookie `_xsrf`"},
}
_PATH = {
    "name": "path",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "description": "A path of the drive, or `id:` and an id.",
}

_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "minLength": 1},
    "description": "Its id.",
}


def _path(route: Route) -> dict[str, Any]:
    known = [_PATH] * ("{path}" in route.path) + [_ID] * ("{id}" in route.path)
    parameters = {"parameters": known} if known else {}
    return {**parameters, **{verb: _operation(route, verb) for verb in route.operations}}


def _operation(route: Route, verb: str) -> dict[str, Any]:
    operation = route.operations[verb]
    name = route.path.replace("/{path}", "").replace("/{id}", "-one").replace("/", "-").removesuffix(".json")
    responses = {str(status): _answer(status, kind) for status, kind in operation.answers.items()}
    return {
        "operationId": f"{verb}-{name}",
        "summary": operation.summary,
        "parameters": _parameters(operation),
        **_body(operation.body),
        "responses": {**responses, "default": _answer(0, "Error")},
    }


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    query = [_parameter("query", name, schema) for name, schema in operation.query.items()]
    return query + [_parameter("header", name, {"type": "string"}) for name in operation.headers]


def _parameter(place: str, name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    style = {"style": "form", "explode": False} if schema["type"] == "array" else {}
    described = {"description": schema["description"]} if "description" in schema else {}
    rules = {key: value for key, value in schema.items() if key not in {"description", "x-required"}}
    required = bool(schema.get("x-required"))
    return {"name": name, "in": place, "required": required, **described, **style, "schema": rules}


def _body(body: Any) -> dict[str, Any]:
    if body is None:
        return {}
    if isinstance(body, str):
        return {"requestBody": {"content": {body: {"schema": {"type": "string", "format": "binary"}}}}}
    return {"requestBody": {"required": bool(body["required"]), "content": {JSON: {"schema": body}}}}


def _answer(status: int, kind: str | None) -> dict[str, Any]:
    text = {0: "An error", 204: "Done", 302: "Elsewhere", 304: "Not modified"}.get(status, "What was asked for")
    if kind is None:
        return {"description": text}
    if "/" in kind:
        return {"description": text, "content": {kind: {}}}
    return {"description": text, "content": {JSON: {"schema": _reference(kind)}}}


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _schemas() -> dict[str, Any]:
    from jupyter_box.drive import Quota, Status  # a late import: it brings the Box SDK

    values = {cls.__name__: _of_class(cls) for cls in (*VALUES, Quota, Status)}
    values["Transfer"] = _together(_of_class(State, but=("wanted", "progress")), _of_class(Wanted), _of_class(Progress))
    return {**values, **_ENVELOPES}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(name: str) -> dict[str, Any]:
    return {"type": "array", "items": _reference(name)}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, PLAIN[type(None)]]}


_TEXT, _NUMBER, _WHOLE = PLAIN[str], PLAIN[float], PLAIN[int]
_MOMENT, _ANYTHING = PLAIN[datetime], dict[str, Any]()
_RANGES = {"type": "array", "items": {"type": "array", "items": _WHOLE, "minItems": 2, "maxItems": 2}}
_UPLOAD_STATES = ["pending", "sending", "done", "skipped", "failed"]
_ENVELOPES = {
    "Page": _object(items=_list("Item"), next_marker=_or_null(_TEXT), total_count=_or_null(PLAIN[int])),
    "Found": _object(items=_list("Item")),
    "Versions": _object(versions=_list("Version")),
    "NotebookDiff": _object(base={"type": "object"}, diff={"type": "array"}),
    "Link": _object(shared_link=_or_null(_reference("SharedLink"))),
    "Collaborations": _object(collaborations=_list("Collaboration")),
    "Token": _object(
        access_token=_TEXT, expires_in=_NUMBER, restricted_to={"type": "array"}, api_url=_TEXT, upload_url=_TEXT
    ),
    "KernelToken": _object(access_token=_TEXT, expires_in=_or_null(_NUMBER), box_user={"type": "object"}, root=_TEXT),
    "Model": _object(
        name=_TEXT,
        path=_TEXT,
        type={"enum": ["file", "notebook", "directory"]},
        writable=PLAIN[bool],
        created=_MOMENT,
        last_modified=_MOMENT,
        size=_or_null(_WHOLE),
        mimetype=_or_null(_TEXT),
        content=_ANYTHING,
        format=_or_null(_TEXT),
    ),
    "Checkpoint": _object(id=_TEXT, last_modified=_MOMENT),
    "Checkpoints": _list("Checkpoint"),
    "Upload": _object(
        id=_TEXT,
        path=_TEXT,
        size=_WHOLE,
        mtime=_or_null(_WHOLE),
        on_conflict=_TEXT,
        created=_NUMBER,
        item=_or_null(_reference("Item")),
        part_size=_WHOLE,
        done=_RANGES,
        state={"enum": _UPLOAD_STATES},
        sent=_WHOLE,
        code=_TEXT,
        message=_TEXT,
        hint=_TEXT,
    ),
    "Uploads": _object(uploads=_list("Upload")),
    "Received": _object(received=_WHOLE, size=_WHOLE),
    "Told": _object(cancel=PLAIN[bool]),
    "Transfers": _object(transfers=_list("Transfer")),
    "Error": _object(code=_TEXT, message=_TEXT, hint=_TEXT, request_id=_or_null(_TEXT)),
}


def _of_class(cls: Any, but: tuple[str, ...] = ()) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    names = [each.name for each in dataclasses.fields(cls) if each.name not in but]
    return _object(**{name: _of_type(hints[name]) for name in names})


def _together(*objects: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an object that has the properties of all."""
    return _object(**{name: schema for each in objects for name, schema in each["properties"].items()})


def _of_type(hint: Any) -> dict[str, Any]:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        return {"anyOf": [_of_type(each) for each in inner]}
    if origin is typing.Literal:
        return {"type": "string", "enum": list(inner)}
    if origin in {tuple, list, frozenset}:
        return {"type": "array", "items": _of_type(inner[0])}
    if dataclasses.is_dataclass(hint):
        return _reference(hint.__name__)  # type: ignore[union-attr]
    return dict(PLAIN.get(hint, {"type": "object"}))
