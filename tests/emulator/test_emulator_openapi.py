"""The routes are Box's, and the check of answers against Box's OpenAPI does see what is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_box.emulator.routes import DOWNLOADS, EMULATED, OTHERS, table

FILE = os.environ.get("BOX_OPENAPI", "")
needs_file = pytest.mark.skipif(not FILE, reason="BOX_OPENAPI does not name Box's OpenAPI file")


@pytest.fixture(scope="module")
def checker():
    from openapi_check import Checker

    return Checker(Path(FILE))


@needs_file
def test_every_operation_of_box_is_in_the_table(checker):
    named = {(route.operation, route.method) for route in [*EMULATED, *DOWNLOADS, *OTHERS] if not route.undocumented}
    of_box = {
        (operation["operationId"], method.upper())
        for path, operations in checker.document["paths"].items()
        for method, operation in operations.items()
        if "#" not in path and path != "/authorize"
    }
    assert named == of_box


@needs_file
@pytest.mark.parametrize(
    ("operation", "status", "body"),
    [
        pytest.param("get_files_id", 200, {"type": "folder", "id": "1"}, id="wrong type"),
        pytest.param("get_files_id", 200, {"type": "file", "id": 1}, id="number for an id"),
        pytest.param("get_files_id", 200, {"type": "file"}, id="no id"),
        pytest.param("get_files_id", 200, {"type": "file", "id": "1", "created_at": "yesterday"}, id="no time"),
        pytest.param("get_files_id", 200, {"type": "file", "id": "1", "item_status": "lost"}, id="not in the enum"),
        pytest.param("get_files_id", 299, {}, id="unknown status"),
        pytest.param("get_folders_id_items", 200, {"entries": [{"type": "cat", "id": "1"}]}, id="unknown item"),
        pytest.param("get_nothing", 200, {}, id="unknown operation"),
    ],
)
def test_the_check_sees_what_is_wrong(operation, status, body):
    from openapi_check import Checker

    checker = Checker(Path(FILE))
    checker(operation, "GET", status, body)
    assert checker.violations


@needs_file
def test_the_check_lets_pass_what_is_right(checker):
    checker("get_files_id", "GET", 200, {"type": "file", "id": "1", "trashed_at": None, "shared_link": None})
    checker("get_files_id", "GET", 404, {"type": "error", "status": 404, "code": "not_found"})
    assert not checker.violations


def test_the_table_for_the_documentation():
    text = table()
    assert "| `get_folders_id_items` | `GET /folders/{folder_id}/items` | yes |" in text
    assert "| `get_webhooks` | `GET /webhooks` | no (501) |" in text
