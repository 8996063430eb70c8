"""Who may ask: every route and verb of the table is tried without login, without XSRF, and without permission."""

import json
import re

import pytest
from jupyter_server.auth import Authorizer
from tornado.httpclient import HTTPClientError

from jupyter_box.server.base import BoxHandler
from jupyter_box.server.routes import ROUTES, handlers

EVERY = [
    (route.path.replace("{path}", "x.txt").replace("{id}", "x"), verb.upper())
    for route in ROUTES
    for verb in route.operations
]
WRITING = [(path, verb) for path, verb in EVERY if verb not in {"GET", "HEAD"}]


def ids(row):
    return f"{row[1]} {row[0]}"


@pytest.fixture
def touched(server, monkeypatch):
    """The routes whose drive was asked for: none may be, before the checks."""
    touched = []
    backend = server.extension_manager.extension_apps["jupyter_box"].copy().pop().backend
    real = backend.drive
    monkeypatch.setattr(backend, "drive", lambda: touched.append(1) or real())
    return touched


@pytest.fixture
def fetch(http_server_client, jp_base_url, server):
    """Ask without anything that `jp_fetch` adds."""

    async def fetch(path, method, **options):
        if method in {"PUT", "POST", "PATCH"}:
            options.setdefault("body", b"{}")
        try:
            return await http_server_client.fetch(
                f"{jp_base_url}jupyter-box/{path}", method=method, follow_redirects=False, **options
            )
        except HTTPClientError as error:
            return error.response

    return fetch


@pytest.fixture
def login(fetch, jp_auth_header):
    """Log in as a browser does; returns the cookie."""

    async def login():
        answer = await fetch("openapi.json", "GET", headers=dict(jp_auth_header))
        return answer.headers["Set-Cookie"].partition(";")[0]

    return login


def test_the_table_names_every_verb_that_a_handler_has():
    for route in ROUTES:
        verbs = ("get", "head", "post", "put", "patch", "delete")
        own = {verb for verb in verbs if getattr(route.handler, verb) is not getattr(BoxHandler, verb)}
        assert own == set(route.operations), route.path


def test_every_handler_that_is_registered_stands_in_the_table():
    registered = [handler for _, handler, _ in handlers(None)]
    assert registered[:-1] == [route.handler for route in ROUTES]
    assert all(re.compile(pattern) for pattern, _, _ in handlers(None))


@pytest.mark.parametrize("row", EVERY, ids=ids)
async def test_nobody_gets_in_without_login(fetch, touched, row):
    answer = await fetch(*row)
    assert answer.code == 403
    if row[1] != "HEAD":
        assert set(json.loads(answer.body)) == {"code", "message", "hint", "request_id"}
    assert not touched


@pytest.mark.parametrize("row", EVERY, ids=ids)
async def test_a_wrong_token_is_no_login(fetch, touched, row):
    assert (await fetch(*row, headers={"Authorization": "token wrong"})).code == 403
    assert not touched


@pytest.mark.parametrize("row", WRITING, ids=ids)
async def test_a_cookie_alone_does_not_write(fetch, touched, login, row):
    answer = await fetch(*row, headers={"Cookie": await login()})
    assert answer.code == 403
    assert not touched


async def test_the_cookie_reads_and_with_xsrf_writes(fetch, login):
    assert (await fetch("status", "GET", headers={"Cookie": await login()})).code == 200
    headers = {"Cookie": f"{await login()}; _xsrf=2|aaaaaaaa|bbbb|1", "X-XSRFToken": "2|aaaaaaaa|bbbb|1"}
    assert (await fetch("trash?id=1", "DELETE", headers=headers)).code != 403


@pytest.mark.parametrize("path", ["files/x.txt", "archive/"])
async def test_another_site_cannot_include_a_file(fetch, touched, login, path):
    headers = {"Cookie": await login(), "Referer": "https://elsewhere.example/"}
    assert (await fetch(path, "GET", headers=headers)).code == 403
    assert not touched


class Nobody(Authorizer):
    """Lets nobody do anything."""

    def is_authorized(self, handler, user, action, resource):
        return False


@pytest.mark.parametrize("row", EVERY, ids=ids)
async def test_the_authorizer_decides_on_every_verb(fetch, server, touched, jp_auth_header, row):
    server.web_app.settings["authorizer"] = Nobody()
    assert (await fetch(*row, headers=dict(jp_auth_header))).code == 403
    assert not touched
