"""Folders and documents in the panel."""

import re
import uuid

from lab_process import opened
from nbformat.v4 import writes
from panel import LONGEST_BLOCK, NOTEBOOK, PANEL, Panel
from playwright.sync_api import expect


def test_folders_are_browsed_and_tell_their_extent(panel):
    expect(panel.row("Maintenance")).to_be_visible()
    panel.enter("Maintenance", "Machine logs", "line-1")
    expect(panel.node.get_by_text("5 items")).to_be_visible()
    panel.node.locator(".jp-BreadCrumbs-home").click()
    expect(panel.row("Welcome.md")).to_be_visible()


def test_badges_tell_of_locks_links_and_collaborators(panel):
    expect(panel.row("Maintenance").get_by_role("img", name="Has collaborators")).to_be_visible()
    panel.enter("Maintenance")
    expect(panel.row("shift-handover.md").get_by_role("img", name="Locked by Greta Lindqvist")).to_be_visible()
    panel.node.locator(".jp-BreadCrumbs-home").click()
    panel.enter("Quality")
    expect(panel.row("weekly-report.csv").get_by_role("img", name="Has a shared link")).to_be_visible()


def test_a_notebook_is_opened_edited_run_saved_and_opened_again(panel, service):
    service.write("/Notebooks/mine.ipynb", writes(NOTEBOOK).encode())
    panel.enter("Notebooks")
    panel.work_in_notebook("mine.ipynb", lambda: service.read("/Notebooks/mine.ipynb"))


def test_someone_elses_change_is_asked_about_and_loses_nothing(panel, page, service):
    service.write("/Quality/notes.md", b"first\n")
    panel.enter("Quality")
    panel.run("docmanager:open", path="box:Quality/notes.md", factory="Editor")
    editor = page.locator(".jp-FileEditor:visible .cm-content")
    editor.click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("mine ")
    service.write("/Quality/notes.md", b"theirs\n")
    page.keyboard.press("Control+s")
    dialog = page.locator(".jp-Dialog")
    expect(dialog).to_contain_text("changed")
    assert service.read("/Quality/notes.md") == b"theirs\n"
    dialog.get_by_role("button", name="Overwrite").click()
    expect(page.locator(".jp-Dialog")).to_have_count(0)
    expect(page.locator(".lm-DockPanel-tabBar .lm-mod-current.jp-mod-dirty")).to_have_count(0)
    assert service.read("/Quality/notes.md") == b"mine first\n"
    assert len(service.versions("/Quality/notes.md")) == 3


def test_a_new_folder_is_named_moved_to_the_trash_and_restored(panel, page, service):
    called = f"new {uuid.uuid4().hex[:6]}"
    panel.press("new-folder")
    name = panel.node.locator(".jp-DirListing-editor")
    name.fill(called)
    name.press("Enter")
    expect(panel.row(called)).to_be_visible()
    panel.row(called).click()
    page.keyboard.press("Delete")
    expect(page.locator(".jp-Dialog")).to_contain_text("moves to the trash of Box")
    page.get_by_role("button", name="Move to trash").click()
    expect(panel.row(called)).to_have_count(0)
    panel.press("show-trash")
    restore = panel.node.get_by_role("button", name=f"Restore: {called}")
    restore.click()
    expect(restore).to_have_count(0)
    panel.node.get_by_role("button", name="Back to the folder").click()
    expect(panel.row(called)).to_be_visible()
    assert service.exists(f"/{called}")
    service.remove(f"/{called}")


def test_box_sorts(panel, put):
    for name, size in (("b", 30), ("a", 10), ("c", 20)):
        put(f"/sorted/{name}.bin", b"x" * size)
    panel.widen()
    panel.run("jupyter-box:open", path="box:sorted")
    names = panel.node.locator(".jp-DirListing-itemText")
    expect(names).to_have_text(["a.bin", "b.bin", "c.bin"])
    panel.node.locator(".jp-DirListing-headerItem", has_text="Size").click()
    expect(names).to_have_text(["a.bin", "c.bin", "b.bin"])
    panel.node.locator(".jp-DirListing-headerItem", has_text="Size").click()
    expect(names).to_have_text(["b.bin", "c.bin", "a.bin"])
    panel.node.locator(".jp-DirListing-headerItem", has_text="Name").click()
    expect(names).to_have_text(["a.bin", "b.bin", "c.bin"])


def test_a_hundred_thousand_items_scroll(panel, page, box, service, record_property):
    folder = service.mkdir("/huge")
    box.fill(folder.id, 100_000)
    page.evaluate(LONGEST_BLOCK)
    shown = page.evaluate("performance.now()")
    panel.run("jupyter-box:open", path="box:huge")
    expect(panel.row("file-000000.txt")).to_be_visible()
    record_property("first_row_ms", page.evaluate("performance.now()") - shown)
    expect(panel.node.locator(".jp-Box-extent")).to_contain_text("1,000 of 100,000")
    for pages in range(2, 7):
        panel.content.evaluate("node => (node.scrollTop = node.scrollHeight)")
        expect(panel.node.locator(".jp-Box-extent")).to_contain_text(f"{pages * 1000:,} of 100,000")
    assert panel.rows.count() < 150
    panel.content.evaluate("node => (node.scrollTop = node.scrollHeight / 2)")
    panel.rows.nth(40).click()
    before = panel.node.locator(".jp-DirListing-item.jp-mod-selected .jp-DirListing-itemText").inner_text()
    for _ in range(60):
        page.keyboard.press("ArrowDown")
    after = panel.node.locator(".jp-DirListing-item.jp-mod-selected .jp-DirListing-itemText").inner_text()
    assert int(after[5:11]) - int(before[5:11]) == 60
    record_property("longest_block_ms", max(page.evaluate("window.blocks") or [0]))


def test_without_a_connection_it_says_why_and_comes_back(chromium, lab, box):
    box.control(faults=[{"fault": "unauthorized", "times": None}])
    with opened(chromium, lab) as page:
        panel = Panel(page)
        notice = panel.node.get_by_role("alert", name="No connection to Box")
        expect(notice).to_be_visible(timeout=30_000)
        expect(notice.get_by_role("link", name="Open the guide")).to_be_visible()
        assert not panel.content.is_visible()
        box.clear()
        notice.get_by_role("button", name="Try again").click()
        expect(panel.row("Maintenance")).to_be_visible()


def test_the_keyboard_alone_goes_all_the_way(panel, page, put):
    put("/keys/inside/deep.md", b"# deep\n")
    panel.run("jupyter-box:open", path="box:keys")
    panel.row("inside").click()
    page.keyboard.press("Enter")
    expect(panel.row("deep.md")).to_be_visible()
    page.wait_for_function(f"document.querySelector('{PANEL}').contains(document.activeElement)")
    page.keyboard.press("ArrowDown")
    expect(panel.row("deep.md")).to_have_class(re.compile("jp-mod-selected"))
    page.keyboard.press("Enter")
    expect(page.locator(".lm-DockPanel-tabBar .lm-mod-current")).to_contain_text("deep.md")
    panel.press("search")
    page.keyboard.type("deep")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(panel.content).to_be_visible()
