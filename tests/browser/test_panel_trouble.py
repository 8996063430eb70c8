"""What goes wrong while someone works: each time there is a clear message, and no edit and no byte is lost."""

import pytest
from lab_process import opened
from panel import PARTS, Held, Panel, content
from playwright.sync_api import expect

MB = 1_000_000
REFUSED = (
    "since you opened it|does not accept|not allow|not shared|no notebook"  # what JupyterLab throws beside its dialog
)


@pytest.fixture(scope="module")
def page(chromium, lab):
    with opened(chromium, lab, refusals=REFUSED) as page:
        yield page


@pytest.fixture
def edited(panel, page, put):
    """Open a file that holds `first`, and begin to change it; returns its editor."""

    def edited(path, text=b"first\n"):
        put(path, text)
        panel.run("jupyter-box:open", path=f"box:{path[1:]}")
        editor = page.locator(".jp-FileEditor:visible")
        panel.type("mine ", editor, text.decode().strip())
        return editor

    yield edited
    page.unroute_all(behavior="ignoreErrors")
    panel.close_all()


FATES = {
    "renamed": (lambda service: service.move("/fates/renamed.md", "/fates/other.md"), "has become /fates/other.md"),
    "moved": (lambda service: service.move("/fates/moved.md", "/Quality/moved.md"), "has become /Quality/moved.md"),
    "trashed": (lambda service: service.remove("/fates/trashed.md"), "has gone to Box's trash"),
}


@pytest.mark.parametrize("fate", FATES)
def test_a_file_that_someone_took_away_while_it_was_open_is_not_made_anew_unasked(panel, page, service, edited, fate):
    path, (happens, words) = f"/fates/{fate}.md", FATES[fate]
    editor = edited(path)
    happens(service)
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-Dialog")).to_contain_text(words)
    expect(page.locator(".jp-Dialog")).to_contain_text("save again to make the file anew")
    assert not service.exists(path)
    panel.dismiss()
    expect(editor).to_contain_text("mine first")
    editor.locator(".cm-content").click()
    panel.save()
    assert service.read(path) == b"mine first\n"


def test_a_file_that_someone_replaced_while_it_was_open_is_asked_about(panel, page, service, edited):
    editor = edited("/fates/replaced.md")
    service.remove("/fates/replaced.md")
    service.write("/fates/replaced.md", b"theirs\n")
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-Dialog")).to_contain_text("has changed")
    page.locator(".jp-Dialog").get_by_role("button", name="Cancel").click()
    expect(editor).to_contain_text("mine first")
    assert service.read("/fates/replaced.md") == b"theirs\n"


def test_rights_that_end_while_a_file_is_open(panel, page, someone_else, us, edited):
    someone_else.mkdir("/lent")
    someone_else.write("/lent/plan.md", b"first\n")
    someone_else.invite("/lent", us, role="editor")
    panel.run("jupyter-box:open", path="box:lent/plan.md")
    editor = page.locator(".jp-FileEditor:visible")
    panel.type("mine ", editor, "first")
    someone_else.set_role("/lent", us, "viewer")
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-Dialog")).to_contain_text("does not allow this")
    panel.dismiss()
    expect(editor).to_contain_text("mine first")
    someone_else.uninvite("/lent", us)
    editor.locator(".cm-content").click()
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-Dialog")).to_contain_text("not shared with you")
    panel.dismiss()
    expect(editor).to_contain_text("mine first")
    assert someone_else.read("/lent/plan.md") == b"first\n"
    someone_else.invite("/lent", us, role="editor")
    editor.locator(".cm-content").click()
    panel.save()
    assert someone_else.read("/lent/plan.md") == b"mine first\n"


def test_a_token_that_has_expired_is_renewed_and_one_that_is_refused_loses_no_edit(panel, page, service, box, edited):
    editor = edited("/tokens/a.md")
    box.control(expire_tokens=True)
    panel.save()
    assert service.read("/tokens/a.md") == b"mine first\n"
    panel.type("still ", editor, "mine first")
    box.control(faults=[{"fault": "unauthorized", "times": None}])
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-Dialog")).to_contain_text("token")
    panel.dismiss()
    box.clear()
    expect(editor).to_contain_text("still mine first")
    editor.locator(".cm-content").click()
    panel.save()
    assert service.read("/tokens/a.md") == b"still mine first\n"


def test_an_empty_file_is_edited_and_an_empty_notebook_says_what_it_is(panel, page, service, put, edited):
    edited("/empty/nothing.md", b"")
    panel.save()
    assert service.read("/empty/nothing.md") == b"mine "
    put("/empty/nothing.ipynb", b"")
    panel.run("jupyter-box:open", path="box:empty/nothing.ipynb")
    expect(page.locator(".jp-Dialog")).to_contain_text("is no notebook that can be read")
    expect(page.locator(".jp-Dialog")).to_contain_text("Open it with the text editor")


def test_an_upload_for_which_there_is_no_room_any_more_waits_for_some(panel, page, service, box):
    parts = Held(page, PARTS, let_through=2)
    with page.expect_request(lambda request: parts.waiting and PARTS.search(request.url)):
        panel.drop(["full.bin", 30 * MB, 4])
    box.control(quota=1)
    parts.release()
    expect(panel.transfers.first).to_contain_text("There is no space left in Box")
    box.control(quota=None)
    panel.node.get_by_role("button", name="Retry full.bin").click()
    expect(panel.row("full.bin")).to_be_visible()
    expect(panel.transfers).to_have_count(0)
    assert service.read("/full.bin") == content(30 * MB, 4)


def test_two_files_of_one_name_at_once_both_arrive_or_say_why_not(panel, page, chromium, lab, service):
    parts = Held(page, PARTS)
    with opened(chromium, lab) as other:
        with page.expect_request(PARTS):
            panel.drop(["twice.bin", 5 * MB, 1])
        panel.drop(["twice.bin", 4 * MB, 2])
        expect(page.locator(".Toastify")).to_contain_text("is being uploaded already")
        elsewhere = Panel(other)
        elsewhere.drop(["twice.bin", 3 * MB, 3])
        expect(elsewhere.transfers.first).to_contain_text("Another upload to /twice.bin is under way")
        parts.release()
        expect(panel.transfers).to_have_count(0)
        elsewhere.node.get_by_role("button", name="Retry twice.bin").click()
        expect(elsewhere.transfers).to_have_count(0)
    assert service.read("/twice.bin") == content(3 * MB, 3)
    first = service.versions("/twice.bin")[1]
    assert service.read("/twice.bin", version=first.id) == content(5 * MB, 1)
