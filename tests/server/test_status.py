import json


async def test_status_tells_who_we_are(server, drive, ask):
    answer = json.loads((await ask("GET", "status")).body)
    assert answer["connected"] is True
    assert answer["mode"] == "client_credentials"
    assert answer["root"]["id"] == drive.stat("/").id
    assert answer["quota"]["used"] >= 0


async def test_in_direct_mode_status_says_what_users_can_read(server, ask, monkeypatch):
    assert json.loads((await ask("GET", "status")).body)["warning"] == ""
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "of the user")
    assert "every user of this Hub can read" in json.loads((await ask("GET", "status")).body)["warning"]
