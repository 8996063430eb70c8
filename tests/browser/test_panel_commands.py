"""The status bar, drags between the file browsers, what is deleted for good, the clipboard, and what Box forbids."""

import re

import pytest
from lab_process import opened
from panel import PANEL, PARTS, Held
from playwright.sync_api import expect

MB = 1_000_000
STOCK = "#filebrowser"
# beside the panel instead of behind it
SHOW_STOCK = """() => {
  const { shell } = window.jupyterapp;
  const stock = [...shell.widgets('left')].find(each => each.id === 'filebrowser');
  shell.add(stock, 'right');
  shell.activateById('filebrowser');
}"""


@pytest.fixture(scope="module")
def page(chromium, lab):
    with opened(chromium, lab, permissions=["clipboard-read", "clipboard-write"]) as page:
        yield page


def test_the_status_bar_tells_of_transfers_and_leads_to_the_panel(panel, page):
    item = page.locator("#jp-bottom-panel").get_by_title("Transfers with Box")
    expect(item).to_have_count(0)
    parts = Held(page, PARTS)
    panel.drop(["told.bin", 3 * MB, 1])
    expect(item).to_have_text(re.compile(r"Box: 1"))
    page.locator('li[data-id="filebrowser"]').click()
    expect(panel.node).to_be_hidden()
    item.click()
    expect(panel.node).to_be_visible()
    parts.release()
    expect(panel.row("told.bin")).to_be_visible()
    expect(item).to_have_count(0)


def test_what_is_in_the_trash_is_deleted_for_good_only_after_a_question(panel, page, service):
    service.write("/purged.txt", b"x")
    service.remove("/purged.txt")
    panel.press("show-trash")
    row = panel.node.get_by_role("button", name="Delete for good: purged.txt")
    row.click()
    expect(page.locator(".jp-Dialog")).to_contain_text("cannot be undone")
    page.locator(".jp-Dialog").get_by_role("button", name="Cancel").click()
    assert "purged.txt" in [each.name for each in service.trash()]
    row.click()
    page.locator(".jp-Dialog").get_by_role("button", name="Delete for good").click()
    expect(row).to_have_count(0)
    assert "purged.txt" not in [each.name for each in service.trash()]
    panel.node.get_by_role("button", name="Back to the folder").click()


def test_a_version_is_deleted_and_the_file_stays(panel, page, put, service):
    for text in (b"1", b"2", b"3"):
        put("/versions/v.txt", text)
    panel.run("jupyter-box:open", path="box:versions")
    inspector = panel.inspect("v.txt", "Versions")
    versions = inspector.get_by_role("list", name="Versions, the newest first").get_by_role("listitem")
    expect(versions).to_have_count(3)
    expect(versions.first.get_by_role("button", name="Delete")).to_have_count(0)
    versions.nth(1).get_by_role("button", name="Delete").click()
    page.locator(".jp-Dialog").get_by_role("button", name="Delete version").click()
    expect(versions).to_have_count(2)
    assert [service.read("/versions/v.txt", version=each.id) for each in service.versions("/versions/v.txt")] == [
        b"3",
        b"1",
    ]


def test_what_names_a_file_goes_to_the_clipboard(panel, page, put):
    item = put("/clip/a b#1.csv")
    panel.run("jupyter-box:open", path="box:clip")
    panel.row("a b#1.csv").click()
    for command, text in (
        ("copy-path", "/clip/a b#1.csv"), ("copy-url", "box://clip/a b#1.csv"), ("copy-id", f"id:{item.id}"),
    ):  # fmt: skip
        panel.run(f"jupyter-box:{command}")
        assert page.evaluate("() => navigator.clipboard.readText()") == text


def test_what_a_role_forbids_is_disabled_with_its_reason(panel, page, someone_else, us):
    someone_else.mkdir("/only looked at")
    someone_else.write("/only looked at/report.md", b"first\n")
    someone_else.invite("/only looked at", us, role="viewer")
    panel.run("jupyter-box:open", path="box:only looked at")
    panel.row("report.md").click(button="right")
    menu = page.locator(".lm-Menu")
    for command in ("filebrowser:rename", "filebrowser:cut", "jupyter-box:lock"):
        entry = menu.locator(f'[data-command="{command}"]')
        expect(entry).to_have_class(re.compile("lm-mod-disabled"))
        expect(entry).to_contain_text("does not allow")
    expect(menu.locator('[data-command="filebrowser:download"]')).not_to_have_class(re.compile("lm-mod-disabled"))
    page.keyboard.press("Escape")
    panel.row("report.md").click()
    page.keyboard.press("F2")
    expect(panel.node.locator(".jp-DirListing-editor")).to_have_count(0)
    expect(panel.node.get_by_role("button", name=re.compile("^New folder"))).to_be_disabled()


def test_drags_between_the_file_browsers_copy_both_ways(panel, page, lab, put, service):
    (lab.files / "dragged.csv").write_text("a,b\n1,2\n")
    put("/drags/inside/x.txt")
    put("/drags/from box.md", b"# From Box\n")
    panel.run("jupyter-box:open", path="box:drags")
    page.evaluate(SHOW_STOCK)
    local = page.locator(f"{STOCK} .jp-DirListing-item", has_text="dragged.csv")
    drag(page, local, panel.row("inside"))
    panel.enter("inside")
    expect(panel.row("dragged.csv")).to_be_visible()
    assert service.read("/drags/inside/dragged.csv") == b"a,b\n1,2\n"
    panel.run("jupyter-box:open", path="box:drags")
    drag(page, panel.row("from box.md"), page.locator(f"{STOCK} .jp-DirListing-content"))
    expect(page.locator(f"{STOCK} .jp-DirListing-item", has_text="from box.md")).to_be_visible()
    expect(page.locator(f"{PANEL} .jp-Box-transfers li")).to_have_count(0)
    assert (lab.files / "from box.md").read_bytes() == b"# From Box\n"


def drag(page, source, target):
    """Drag with the mouse, as Lumino wants it: it begins after some pixels."""
    start, end = (each.bounding_box() for each in (source, target))
    x, y = start["x"] + 40, start["y"] + start["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y, steps=4)
    page.mouse.move(end["x"] + 40, end["y"] + min(end["height"] - 4, end["height"] / 2), steps=10)
    page.mouse.up()
