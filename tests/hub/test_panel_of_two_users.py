"""The panel's main path in a real JupyterHub and a real Chromium: two users, each in their own folder of Box."""

import contextlib

import pytest
import running
from lab_process import OPTIONS, fresh_page, installed, reveal
from local_hub import USERS, running_hub
from nbformat.v4 import writes
from panel import NOTEBOOK, Panel, content
from playwright.sync_api import expect

pytestmark = [pytest.mark.hub, pytest.mark.browser, pytest.mark.timeout(300)]

MB = 1_000_000


@pytest.fixture(scope="module")
def hub(running_emulator, homes, proxy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    with running_hub(
        folder, running_emulator, homes, proxy, *OPTIONS,
        extensions={**running.EXTENSIONS, "jupyterlab": True}, environment=installed(folder),
    ) as hub:  # fmt: skip
        yield hub


@pytest.fixture(scope="module")
def pages(chromium, hub):
    """A page of each user, logged in as a person does, with the panel open."""
    with contextlib.ExitStack() as stack:
        pages = {user: stack.enter_context(fresh_page(chromium)) for user in USERS}
        for user, page in pages.items():
            page.goto(f"{hub.url}/hub/login")
            page.get_by_label("Username").fill(user)
            page.get_by_label("Password").fill("any")
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(f"**/user/{user}/lab**", timeout=120_000)
            reveal(page)
        yield pages


@pytest.mark.parametrize("user", USERS)
def test_each_user_works_in_their_own_folder(pages, user, service):
    page, panel = pages[user], Panel(pages[user])
    names = panel.node.locator(".jp-DirListing-itemText")
    expect(names).to_have_text([f"of {user}.txt"])
    panel.drop([f"from {user}.bin", 25 * MB, 1], ["small #1.bin", 1000, 2])
    expect(names).to_have_text([f"from {user}.bin", f"of {user}.txt", "small #1.bin"])
    assert service.read(f"/homes/{user}/from {user}.bin") == content(25 * MB, 1)
    panel.row("small #1.bin").click()
    with page.expect_download() as download:
        panel.run("filebrowser:download")
    assert download.value.path().read_bytes() == content(1000, 2)


@pytest.mark.parametrize("user", USERS)
def test_a_notebook_is_opened_run_saved_and_opened_again(pages, user, service):
    panel = Panel(pages[user])
    service.write(f"/homes/{user}/mine.ipynb", writes(NOTEBOOK).encode())
    panel.press("refresh")
    panel.work_in_notebook("mine.ipynb", lambda: service.read(f"/homes/{user}/mine.ipynb"))


@pytest.mark.parametrize(("user", "other"), [USERS, USERS[::-1]], ids=USERS)
def test_nobody_sees_the_other_users_folder(pages, hub, user, other, service):
    page, panel = pages[user], Panel(pages[user])
    folder = service.stat(f"/homes/{other}")
    for path in (f"id:{folder.id}", f"id:{folder.id}/of {other}.txt", f"/homes/{other}"):
        with page.expect_response("**/jupyter-box/details/**") as answer:
            panel.run("jupyter-box:open", path=path)
        assert answer.value.status == 404
        expect(page.locator(".Toastify__toast", has_text=answer.value.json()["message"]).first).to_be_visible()
    expect(page.locator(".jp-FileEditor")).to_have_count(0)
    assert f"of {other}.txt" not in panel.names()
    answer = page.evaluate(
        "address => fetch(address).then(reply => reply.status)", f"{hub.url}/user/{other}/api/contents"
    )
    assert answer == 403
