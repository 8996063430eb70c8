"""Reads JSON bodies: known fields have the type that Box gives them, or a refusal names the field."""

from __future__ import annotations

import json
from typing import Any

from jupyter_box.emulator.problems import Problem, invalid

TEXT = (
    "name description url message tagged_message login role status language timezone job_title phone address "
    "provenance external_sync_identifier external_app_user_id invitability_level member_viewability_level "
    "file_name download_file_name sync_state type"
)
OBJECTS = (
    "parent shared_link lock item accessible_by user group owned_by folder attributes folder_upload_email permissions"
)
NUMBERS = "space_amount"
FLAGS = "is_platform_access_only is_access_only can_view_path can_non_owners_invite can_non_owners_view_collaborators"
KEYS = "id folder_id enterprise version"
LISTS = "collections items parts"
TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(TEXT.split(), (str,)),
    **dict.fromkeys(OBJECTS.split(), (dict,)),
    **dict.fromkeys(NUMBERS.split(), (int,)),
    **dict.fromkeys(FLAGS.split(), (bool,)),
    # Box takes numbers for ids, though it writes strings
    **dict.fromkeys(KEYS.split(), (str, int)),
    **dict.fromkeys(LISTS.split(), (list,)),
}


def read(body: bytes) -> dict[str, Any]:
    """Return the body as a JSON object; an empty body is an empty object."""
    try:
        value = json.loads(body or b"{}")
    except ValueError as error:
        raise _malformed() from error
    if not isinstance(value, dict):
        raise _malformed()
    check(value)
    return value


def _malformed() -> Problem:
    return Problem("bad_request", "Entity body should be a correctly nested resource attribute name/value pair")


def check(value: dict[str, Any], above: str = "") -> None:
    """Refuse an object with a known field of the wrong type, at any depth."""
    for name, part in value.items():
        where = f"{above}{name}"
        if part is not None and not isinstance(part, TYPES.get(name, (object,))):
            raise invalid(where)
        _check_part(part, where, name in LISTS.split())


def _check_part(part: Any, where: str, of_objects: bool) -> None:
    if isinstance(part, int) and abs(part) >= 1 << 63:
        raise invalid(where)
    # half of a surrogate pair is JSON, but no text
    if isinstance(part, str) and any("\ud800" <= character <= "\udfff" for character in part):
        raise invalid(where)
    if isinstance(part, dict):
        check(part, f"{where}.")
    if isinstance(part, list):
        for number, entry in enumerate(part):
            if of_objects and not isinstance(entry, dict):
                raise invalid(f"{where}[{number}]")
            _check_part(entry, f"{where}[{number}]", of_objects=False)
