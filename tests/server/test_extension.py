import json
import subprocess
import sys
import threading

import pytest

from jupyter_box.config import BoxConfig
from jupyter_box.server.backend import Backend

HEAVY = ("box_sdk_gen", "requests", "cryptography", "jsonschema", "jupyter_box.drive", "jupyter_box.session")
LOADED = """
import sys
before = set(sys.modules)
from jupyter_box import _jupyter_server_extension_points
_jupyter_server_extension_points()
print(sorted(set(sys.modules) - before))
"""


def test_loading_the_extension_imports_nothing_heavy():
    code = f"import jupyter_server.serverapp, jupyter_server.base.handlers\n{LOADED}"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert "jupyter_box.server.extension" in loaded
    assert [name for name in HEAVY if f"'{name}'" in loaded] == []


class TestTokens:
    """The route that is off until an administrator turns it on."""

    @pytest.fixture
    def box_settings(self, box_settings, request):
        return {**box_settings, "allow_browser_tokens": request.node.callspec.params["on"]}

    @pytest.mark.parametrize("on", [True])
    async def test_a_token_is_good_for_its_item_alone(self, server, ask, drive, on):
        drive.write("/one.txt", b"1")
        drive.write("/other.txt", b"2")
        wanted = {"path": "/one.txt", "scopes": ["base_preview", "item_download"]}
        answer = await ask("POST", "tokens", body=wanted)
        assert answer.headers["Cache-Control"] == "no-store"
        scopes = {each["scope"] for each in json.loads(answer.body)["restricted_to"]}
        assert scopes == {"base_preview", "item_download"}
        assert (await ask("POST", "tokens", body={**wanted, "path": "/../x"})).code == 400

    @pytest.mark.parametrize("on", [False])
    async def test_it_is_off_by_default(self, server, ask, on):
        answer = await ask("POST", "tokens", body={"path": "/", "scopes": ["base_preview"]})
        assert (answer.code, json.loads(answer.body)["code"]) == (403, "tokens_off")


def test_what_begins_while_the_server_stops_is_stopped(box_environment):
    backend = Backend(BoxConfig())
    backend.close()
    cancel = threading.Event()
    with backend.attending(cancel):
        assert cancel.is_set()
