import json


async def test_status_tells_who_we_are(server, drive, ask):
    answer = json.loads((await ask("GET", "status")).body)
    assert answer["connected"] is True
    assert answer["mode"] == "client_credentials"
    assert answer["root"]["id"] == drive.stat("/").id
    assert answer["quota"]["used"] >= 0
