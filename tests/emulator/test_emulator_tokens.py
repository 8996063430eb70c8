"""Who gets a token, in which shape refusals come, and what a narrower token can still do."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path

import jwt
import pytest
import requests
from box_sdk_gen import (
    BoxAPIError,
    BoxCCGAuth,
    BoxClient,
    BoxJWTAuth,
    BoxSDKError,
    CCGConfig,
    JWTConfig,
)
from cryptography.hazmat.primitives import serialization
from emulator_clients import Http, client_of, invite, network, put_file, put_folder

GRANT = "urn:ietf:params:oauth:grant-type:"
ACCESS = "urn:ietf:params:oauth:token-type:access_token"


def ask(box, **fields):
    return requests.post(f"{box.url}/api/oauth2/token", data=fields, timeout=10)


def ccg(box, env=None, **fields):
    env = env or box.env
    given = {
        "grant_type": "client_credentials",
        "client_id": env["BOX_CLIENT_ID"],
        "client_secret": env["BOX_CLIENT_SECRET"],
        "box_subject_type": "enterprise",
        "box_subject_id": env["BOX_ENTERPRISE_ID"],
    }
    return ask(box, **given | fields)


def exchange(box, token, scope, **fields):
    return ask(
        box, grant_type=f"{GRANT}token-exchange", subject_token=token, subject_token_type=ACCESS, scope=scope, **fields
    )


def claims(box, **changes):
    env = box.env
    return {
        "iss": env["BOX_CLIENT_ID"],
        "sub": env["BOX_ENTERPRISE_ID"],
        "box_sub_type": "enterprise",
        "aud": "https://api.box.com/oauth2/token",
        "jti": uuid.uuid4().hex,
        "exp": int(time.time()) + 30,
    } | changes


def assertion(box, content, algorithm="RS256", key=None):
    config = json.loads(Path(box.env["BOX_JWT_CONFIG_FILE"]).read_text())["boxAppSettings"]["appAuth"]
    own = serialization.load_pem_private_key(config["privateKey"].encode(), config["passphrase"].encode())
    return jwt.encode(content, key or own, algorithm, headers={"kid": config["publicKeyID"]})


def jwt_grant(box, text):
    env = box.env
    return ask(
        box,
        grant_type=f"{GRANT}jwt-bearer",
        assertion=text,
        client_id=env["BOX_CLIENT_ID"],
        client_secret=env["BOX_CLIENT_SECRET"],
    )


def test_client_credentials_give_the_service_account(client, box):
    me = client.users.get_user_me()
    assert me.login.startswith("AutomationUser_")
    assert me.id == box.service_account


def test_client_credentials_give_a_user(box):
    env, user = box.env, box.add_user("Ann", app_user=True)
    config = CCGConfig(env["BOX_CLIENT_ID"], env["BOX_CLIENT_SECRET"], user_id=user)
    assert BoxClient(auth=BoxCCGAuth(config), network_session=network(box)).users.get_user_me().id == user


def test_jwt_gives_the_service_account_and_users(box):
    auth = BoxJWTAuth(JWTConfig.from_config_file(box.env["BOX_JWT_CONFIG_FILE"]))
    assert BoxClient(auth=auth, network_session=network(box)).users.get_user_me().id == box.service_account
    user = box.add_user("Bea", app_user=True)
    mine = BoxClient(auth=auth.with_user_subject(user), network_session=network(box))
    assert mine.users.get_user_me().id == user


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_jwt_algorithms_of_the_guide_are_taken(box, algorithm):
    assert jwt_grant(box, assertion(box, claims(box), algorithm)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"exp": 1000}, "'exp' claim", id="expired"),
        pytest.param({"exp": int(time.time()) + 3600}, "'exp' claim", id="too far ahead"),
        pytest.param({"aud": "https://example.com"}, "'aud' claim", id="another audience"),
        pytest.param({"jti": "short"}, "'jti' claim", id="jti too short"),
        pytest.param({"iss": "someone"}, "'iss' claim", id="another issuer"),
    ],
)
def test_jwt_claims_are_checked(box, changes, words):
    answer = jwt_grant(box, assertion(box, claims(box, **changes)))
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_grant"
    assert words in answer.json()["error_description"]


def test_jwt_of_another_key_is_refused(box):
    from cryptography.hazmat.primitives.asymmetric import rsa

    text = assertion(box, claims(box), key=rsa.generate_private_key(public_exponent=65537, key_size=2048))
    assert jwt_grant(box, text).json()["error"] == "invalid_grant"


def test_jwt_cannot_be_used_twice(box):
    text = assertion(box, claims(box))
    assert jwt_grant(box, text).status_code == 200
    assert "unique 'jti'" in jwt_grant(box, text).json()["error_description"]


def test_jwt_fails_when_clocks_differ(box):
    box.control(clock_offset=300)
    assert "must be before the expiration" in jwt_grant(box, assertion(box, claims(box))).json()["error_description"]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        pytest.param({"client_secret": "wrong"}, "invalid_grant", id="wrong secret"),
        pytest.param({"client_id": "nobody"}, "invalid_grant", id="unknown app"),
        pytest.param({"box_subject_id": "1"}, "invalid_grant", id="another enterprise"),
        pytest.param({"box_subject_type": "user", "box_subject_id": "1"}, "invalid_grant", id="unknown user"),
        pytest.param({"grant_type": "password"}, "unsupported_grant_type", id="unknown grant"),
    ],
)
def test_refusals_have_the_oauth_shape(box, fields, error):
    answer = ccg(box, **fields)
    assert answer.status_code == 400
    assert answer.json()["error"] == error
    assert set(answer.json()) == {"error", "error_description"}


def test_an_app_must_be_authorized_by_the_administrator(box):
    env = box.add_app(authorized=0)
    assert ccg(box, env).json() == {
        "error": "unauthorized_client",
        "error_description": "This app is not authorized by the enterprise admin",
    }


def test_an_app_needs_a_setting_for_user_tokens(box):
    env, user = box.add_app(user_tokens=0), box.add_user("Cid", app_user=True)
    assert ccg(box, env, box_subject_type="user", box_subject_id=user).json()["error"] == "invalid_grant"


def test_another_enterprise_is_another_world(box, client):
    put_folder(client, f"ours-{uuid.uuid4().hex}")
    env = box.add_app(enterprise=box.add_enterprise("Elsewhere"))
    token = ccg(box, env).json()["access_token"]
    other = client_of(box, token)
    assert other.folders.get_folder_items("0").entries == []
    assert other.users.get_user_me().enterprise is None  # only with fields


def test_a_token_expires(box, http):
    box.control(token_lifetime=0)
    token = ccg(box).json()["access_token"]
    answer = Http(box, token)("GET", "/2.0/users/me")
    assert answer.status_code == 401
    assert "expired_token" in answer.headers["WWW-Authenticate"]
    assert answer.content == b""


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic abc"}])
def test_an_unknown_token_is_refused(box, headers):
    answer = requests.get(f"{box.url}/2.0/users/me", headers=headers, timeout=10)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_a_revoked_token_is_unknown(box):
    env, token = box.env, ccg(box).json()["access_token"]
    fields = {"client_id": env["BOX_CLIENT_ID"], "client_secret": env["BOX_CLIENT_SECRET"], "token": token}
    answer = requests.post(f"{box.url}/oauth2/revoke", data=fields, timeout=10)
    assert (answer.status_code, answer.content) == (200, b"")
    assert Http(box, token)("GET", "/2.0/users/me").status_code == 401


def test_a_refresh_token_works_once(box):
    env, user = box.env, int(box.add_user("Dee"))
    app = env["BOX_CLIENT_ID"]
    first = box.call(lambda store: store.tokens.issue(user, app, 1000, kind="refresh"))
    fields = {"grant_type": "refresh_token", "client_id": app, "client_secret": env["BOX_CLIENT_SECRET"]}
    second = ask(box, refresh_token=first, **fields).json()
    assert second["refresh_token"] != first
    assert ask(box, refresh_token=first, **fields).json()["error"] == "invalid_grant"
    assert ask(box, refresh_token=second["refresh_token"], **fields).status_code == 200


def test_rclone_may_send_the_client_in_the_address(box):
    env = box.env
    query = {"client_id": env["BOX_CLIENT_ID"], "client_secret": env["BOX_CLIENT_SECRET"]}
    form = {"grant_type": f"{GRANT}jwt-bearer", "assertion": assertion(box, claims(box))}
    assert requests.post(f"{box.url}/oauth2/token", params=query, data=form, timeout=10).status_code == 200


def test_the_sdk_narrows_a_token(client, box, folder):
    token = client.auth.downscope_token(
        ["base_explorer", "item_download"],
        resource=f"https://api.box.com/2.0/folders/{folder.id}",
        network_session=network(box),
    )
    assert {entry.object.id for entry in token.restricted_to} == {folder.id}
    assert token.issued_token_type == ACCESS
    assert client_of(box, token.access_token).folders.get_folder_by_id(folder.id).id == folder.id


def test_a_narrow_token_can_do_nothing_outside_its_folder(client, box, folder):
    inside, outside = (
        put_file(client, "in.txt", b"needle", folder.id),
        put_folder(client, f"out-{uuid.uuid4().hex[:8]}"),
    )
    secret = put_file(client, "needle.txt", b"needle", outside.id)
    resource = f"{box.url}/2.0/folders/{folder.id}"
    scope = "base_explorer item_download item_upload item_delete item_rename item_preview item_share"
    token = exchange(box, box.token(), scope, resource=resource).json()["access_token"]
    http = Http(box, token)
    assert http("GET", f"/2.0/files/{inside.id}").status_code == 200
    assert http("GET", f"/2.0/files/{inside.id}/content").status_code == 302
    for method, path, body in [
        ("GET", f"/2.0/files/{secret.id}", None),
        ("GET", f"/2.0/files/{secret.id}/content", None),
        ("GET", f"/2.0/folders/{outside.id}/items", None),
        ("GET", "/2.0/folders/0/items", None),
        ("PUT", f"/2.0/files/{secret.id}", {"name": "x"}),
        ("PUT", f"/2.0/files/{inside.id}", {"parent": {"id": outside.id}}),
        ("DELETE", f"/2.0/files/{secret.id}", None),
        ("POST", f"/2.0/files/{inside.id}/copy", {"parent": {"id": outside.id}}),
        ("POST", f"/2.0/files/{secret.id}/copy", {"parent": {"id": folder.id}}),
        ("POST", "/2.0/folders", {"name": "x", "parent": {"id": outside.id}}),
        ("POST", "/2.0/zip_downloads", {"items": [{"type": "file", "id": secret.id}]}),
        ("OPTIONS", "/2.0/files/content", {"name": "x", "parent": {"id": outside.id}}),
    ]:
        assert http(method, path, json=body).status_code == 404, (method, path)
    hits = http("GET", "/2.0/search?query=needle").json()["entries"]
    assert {hit["id"] for hit in hits} <= {inside.id}
    seen = {event["source"]["id"] for event in http("GET", "/2.0/events?stream_position=0&limit=500").json()["entries"]}
    assert seen <= {inside.id, folder.id}
    assert http("GET", "/2.0/users").status_code == 403
    assert (
        http("GET", "/2.0/recent_items").json()["entries"] == []
        or secret.id not in http("GET", "/2.0/recent_items").text
    )


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        pytest.param("base_explorer", "GET", "/2.0/files/{file}/content", id="no download"),
        pytest.param("base_explorer item_download", "DELETE", "/2.0/files/{file}", id="no delete"),
        pytest.param("item_download", "GET", "/2.0/folders/{folder}/items", id="no listing"),
        pytest.param("base_explorer item_rename", "POST", "/2.0/folders", id="no upload"),
    ],
)
def test_a_scope_that_is_missing_is_refused(client, box, folder, scope, method, path):
    file = put_file(client, "a.txt", b"a", folder.id)
    token = exchange(box, box.token(), scope, resource=f"{box.url}/2.0/folders/{folder.id}").json()["access_token"]
    body = {"name": "x", "parent": {"id": folder.id}} if method == "POST" else None
    answer = Http(box, token)(method, path.format(file=file.id, folder=folder.id), json=body)
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        pytest.param({"scope": "no_such_scope"}, "invalid_scope", id="unknown scope"),
        pytest.param({"scope": ""}, "invalid_request", id="no scope"),
        pytest.param(
            {"scope": "item_download", "resource": "/2.0/folders/999"}, "invalid_resource", id="unknown resource"
        ),
        pytest.param({"scope": "item_download", "subject_token": "x"}, "invalid_grant", id="unknown token"),
    ],
)
def test_an_exchange_is_checked(box, fields, error):
    given = {"subject_token": box.token(), "subject_token_type": ACCESS} | fields
    answer = ask(box, grant_type=f"{GRANT}token-exchange", **given)
    assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_a_narrow_token_cannot_be_widened(box):
    narrow = exchange(box, box.token(), "item_preview").json()["access_token"]
    assert exchange(box, narrow, "item_download").json()["error"] == "invalid_scope"
    assert exchange(box, narrow, "item_preview").status_code == 200


def test_a_read_only_app_gives_no_downloads(box, client):
    env = box.add_app(scopes="root_readonly")
    reader = Http(box, ccg(box, env).json()["access_token"])
    account = reader("GET", "/2.0/users/me").json()["id"]
    shared = put_folder(client, f"ro-{uuid.uuid4().hex[:8]}")
    file = put_file(client, "a.txt", b"a", shared.id)
    invite(client, shared.id, "editor", account)
    assert reader("GET", f"/2.0/files/{file.id}").status_code == 200
    assert reader("GET", f"/2.0/files/{file.id}/content").json()["code"] == "insufficient_scope"
    assert reader("DELETE", f"/2.0/files/{file.id}").json()["code"] == "insufficient_scope"


def test_as_user_acts_for_a_managed_user(client, box):
    user = box.add_user("Eve")
    assert client.with_as_user_header(user).users.get_user_me().id == user


@pytest.mark.parametrize("target", ["service", "nobody", "elsewhere"])
def test_as_user_has_limits(client, box, target):
    users = {
        "service": lambda: box.service_account,
        "nobody": lambda: "12345",
        "elsewhere": lambda: box.add_user("Far", enterprise=box.add_enterprise("Far away")),
    }
    with pytest.raises(BoxAPIError) as error:
        client.with_as_user_header(users[target]()).users.get_user_me()
    assert error.value.response_info.status_code == 403


def test_the_sdk_reads_our_refusal(box):
    config = CCGConfig(box.env["BOX_CLIENT_ID"], "wrong", enterprise_id=box.env["BOX_ENTERPRISE_ID"])
    with pytest.raises(BoxSDKError) as error:
        BoxClient(auth=BoxCCGAuth(config), network_session=network(box)).users.get_user_me()
    assert error.value.response_info.body["error_description"] == "Grant credentials are invalid"
