"""No secret and no token in any answer, log line or error: canaries are planted, every route and error is driven."""

import json
import logging

import pytest

from jupyter_box.config import BoxConfig
from jupyter_box.server.routes import ROUTES

SECRET = "canary-client-secret-71f3"
PASSPHRASE = "canary-passphrase-82a4"
KEY = "canary-private-key-93b5"
DEVELOPER = "canary-developer-token-a4c6"
WEB = "canary-web-password-b5d7"
CANARIES = (SECRET, PASSPHRASE, KEY, DEVELOPER)
JWT = json.dumps(
    {
        "boxAppSettings": {
            "clientID": "an-app",
            "clientSecret": SECRET,
            "appAuth": {
                "publicKeyID": "k",
                "privateKey": f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{KEY}\n-----END ENCRYPTED PRIVATE KEY-----",
                "passphrase": PASSPHRASE,
            },
        },
        "enterpriseID": "1",
    }
)
WAYS = {
    "wrong secret": {"BOX_CLIENT_ID": "an-app", "BOX_CLIENT_SECRET": SECRET, "BOX_ENTERPRISE_ID": "1"},
    "secret with a newline": {"BOX_CLIENT_ID": "an-app", "BOX_CLIENT_SECRET": f"{SECRET}\n", "BOX_ENTERPRISE_ID": "1"},
    "half": {"BOX_CLIENT_SECRET": SECRET},
    "several": {"BOX_CLIENT_SECRET": SECRET, "BOX_DEVELOPER_TOKEN": DEVELOPER},
    "jwt": {"BOX_JWT_CONFIG": JWT},
    "damaged jwt": {"BOX_JWT_CONFIG": JWT[:-5]},
    "developer token": {"BOX_DEVELOPER_TOKEN": DEVELOPER},
    "developer token with a space": {"BOX_DEVELOPER_TOKEN": f"{DEVELOPER} "},
}
BODIES = {
    "versions": {"version": "1"},
    "shared-links": {"access": "open", "password": WEB},
    "collaborations": {"who": "ada@example.com", "role": "viewer"},
    "trash": {"id": "1"},
    "tokens": {"path": "/x", "scopes": ["item_download"]},
    "contents": {"type": "file", "format": "text", "content": "x", "path": "y.txt"},
    "uploads": {"path": "/x", "size": 3},
    "transfers": {"kind": "download", "source": "/x.txt", "target": ""},
    "kernel-transfers": {
        "kind": "upload",
        "source": "/x",
        "target": "/",
        "root": "0",
        "is_plain": True,
        "progress": {"path": "/x", "phase": "done"},
    },
}
QUERIES = {
    "search": {"q": "x"},
    "versions": {"version": "1"},
    "collaborations": {"who": "ada"},
    "trash": {"id": "1"},
    "checkpoints": {"id": "1"},
    "uploads": {"offset": "0"},
    "transfers": {"seconds": "0"},
    "events": {"seconds": "0"},
}


@pytest.fixture
def box_settings():
    return {}


PATHS = ("x.txt", "no/such", "../..")


async def drive_every_route(ask, good="x.txt"):
    """Ask every route in every verb, well and badly; returns all that came back."""
    texts = []
    for route in ROUTES:
        name = route.path.partition("/")[0]
        for verb in route.operations:
            for path in (good, *PATHS[1:]):
                body = BODIES.get(name) if verb in {"post", "put", "patch"} else None
                place = route.path.replace("{path}", path).replace("{id}", "x")
                answer = await ask(verb.upper(), place, body=body, **QUERIES.get(name, {}))
                texts.append(f"{answer.code} {dict(answer.headers)} {answer.body.decode('utf-8', 'replace')}")
                assert answer.code != 500, texts[-1]
    return texts


@pytest.fixture
def planted(box, monkeypatch, request):
    """Credentials with canaries in them, in the environment before the server starts."""
    for name, value in {**WAYS[request.param], "BOX_URL": box.env["BOX_URL"]}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def backend(box_environment, server):
    return next(iter(server.extension_manager.extension_apps["jupyter_box"])).backend


@pytest.mark.parametrize("planted", WAYS, indirect=True)
async def test_a_refused_secret_shows_nowhere(planted, caplog, ask):
    caplog.set_level(logging.DEBUG)
    shown = "\n".join(await drive_every_route(ask)) + caplog.text
    assert '"connected": false' in shown
    for canary in CANARIES:
        assert canary not in shown


async def test_a_working_secret_and_its_tokens_show_nowhere(drive, box_environment, backend, caplog, ask):
    caplog.set_level(logging.DEBUG)
    root = drive.stat("/").name
    drive.write("/x.txt", b"x")
    texts = await drive_every_route(ask, f"{root}/x.txt")
    token = backend.drive().access()["access_token"]
    kept = [text for text in texts if '"access_token": "' not in text]
    assert len(texts) - len(kept) == len(PATHS)  # the kernels' own route, which is there to hand it out
    shown = "\n".join(kept) + caplog.text + repr(backend.drive()) + repr(backend.config) + repr(backend.config.config)
    for secret in (box_environment["BOX_CLIENT_SECRET"], token, WEB):
        assert secret not in shown


async def test_a_box_that_is_gone_shows_no_token(running_emulator, backend, caplog, ask):
    caplog.set_level(logging.DEBUG)
    backend.config.retry_deadline = 1
    await ask("GET", "items/")
    token = backend.drive().access()["access_token"]
    running_emulator.control(faults=[{"fault": "error", "status": 500, "times": None}])
    answers = [await ask("GET", path) for path in ("items/", "files/x.txt")]
    assert {answer.code for answer in answers} <= {502, 503, 504}
    assert token not in caplog.text + "".join(answer.body.decode() for answer in answers)


def test_a_configuration_shows_no_secret_in_its_credentials(monkeypatch):
    for name, value in WAYS["wrong secret"].items():
        monkeypatch.setenv(name, value)
    config = BoxConfig()
    config.hand_over("http://127.0.0.1:1/")
    assert SECRET not in repr(config.credentials()) + repr(config) + str(config.trait_values())
    assert config.credentials().client_secret == SECRET
