"""The browser widget as real ipywidgets objects, on the emulator."""

from __future__ import annotations

import time

import ipywidgets as ipw
import pytest

from jupyter_box.widgets import BoxBrowser

SECONDS = 30


@pytest.fixture
def browse(drive, tmp_path):
    """Opens browsers on the drive, whose downloads go to `tmp_path`; closes them at the end."""
    drive.mkdir("/Maintenance/logs")
    drive.write("/Maintenance/line-1.csv", "1")
    drive.write("/Maintenance/line-2.csv", "22")
    opened = []

    def browse(path="/Maintenance", **options):
        opened.append(BoxBrowser(drive, path, local=tmp_path, **options))
        return opened[-1].wait(SECONDS)

    yield browse
    for browser in opened:
        browser.close()


def names(browser):
    return [item.name for item in browser.items]


def shown(browser):
    return [value for _, value in browser.listing.options]


def select(browser, *wanted):
    browser.listing.value = tuple(item.id for item in browser.items if item.name in wanted)


def crumb(browser, name):
    return next(button for button in browser.crumbs.children if button.description == name)


def test_shows_a_folder(browse):
    browser = browse()
    assert browser.path == "/Maintenance"
    assert names(browser) == ["logs", "line-1.csv", "line-2.csv"]
    assert "3 items" in browser.message.value
    assert [button.description for button in browser.crumbs.children] == ["Box", "Maintenance"]


def test_starts_in_the_current_folder(browse, drive):
    drive.cd("/Maintenance")
    assert browse(".").path == "/Maintenance"
    assert browse("logs").path == "/Maintenance/logs"


def test_the_selection_is_items(browse):
    browser = browse()
    assert browser.selected == []
    select(browser, "line-1.csv", "line-2.csv")
    assert [(item.name, item.path) for item in browser.selected] == [
        ("line-1.csv", "/Maintenance/line-1.csv"),
        ("line-2.csv", "/Maintenance/line-2.csv"),
    ]


def test_opens_a_folder_and_goes_back_by_the_crumbs(browse):
    browser = browse()
    select(browser, "logs")
    browser.open_button.click()
    assert browser.wait(SECONDS).path == "/Maintenance/logs"
    crumb(browser, "Box").click()
    assert browser.wait(SECONDS).path == "/"
    assert names(browser) == ["Maintenance"]


def test_opening_a_file_is_told_in_place(browse):
    browser = browse()
    select(browser, "line-1.csv")
    browser.open_button.click()
    assert 'role="alert"' in browser.message.value
    assert browser.path == "/Maintenance"


def test_filters_by_name_and_keeps_what_stays_selected(browse):
    browser = browse()
    select(browser, "line-1.csv", "logs")
    browser.filter.value = "LINE"
    assert len(shown(browser)) == 2
    assert [item.name for item in browser.selected] == ["line-1.csv"]
    browser.filter.value = ""
    assert len(shown(browser)) == 3


def test_makes_a_folder(browse, drive):
    browser = browse()
    browser.name.value = "2026"
    browser.make_button.click()
    browser.wait(SECONDS)
    assert drive.stat("/Maintenance/2026").is_folder
    assert "2026" in names(browser)
    assert browser.name.value == ""


@pytest.mark.parametrize("name", ["", "a/b", "..", "x" * 300], ids=["empty", "slash", "dots", "long"])
def test_a_bad_folder_name_is_told_in_place(browse, name):
    browser = browse()
    before = names(browser)
    browser.name.value = name
    browser.make_button.click()
    browser.wait(SECONDS)
    assert 'role="alert"' in browser.message.value
    assert names(browser) == before


def test_uploads_what_the_browser_hands_over(browse, drive):
    browser = browse()
    file = {"name": "up.txt", "type": "", "size": 2, "content": memoryview(b"hi"), "last_modified": 0}
    browser.files.set_state({"value": [file]})  # as the front end's message does
    browser.wait(SECONDS)
    assert drive.read("/Maintenance/up.txt") == b"hi"
    assert "up.txt" in names(browser)
    assert browser.files.value == ()


def test_downloads_the_selection(browse, tmp_path):
    browser = browse()
    select(browser, "line-2.csv")
    browser.download_button.click()
    browser.wait(SECONDS)
    assert (tmp_path / "line-2.csv").read_text() == "22"
    assert "Downloaded line-2.csv" in browser.message.value


def test_a_download_keeps_a_local_file_and_says_so(browse, tmp_path):
    (tmp_path / "line-2.csv").write_text("mine")
    browser = browse()
    select(browser, "line-2.csv")
    browser.download_button.click()
    browser.wait(SECONDS)
    assert (tmp_path / "line-2.csv").read_text() == "mine"
    assert "exists" in browser.message.value


def test_refreshes(browse, drive):
    browser = browse()
    drive.write("/Maintenance/new.csv", "n")
    browser.refresh_button.click()
    assert "new.csv" in names(browser.wait(SECONDS))


def test_pages_through_a_large_folder(browse, drive, box):
    box.fill(drive.mkdir("/many").id, 25)
    browser = browse("/many", page=10)
    assert len(browser.items) == 10
    assert "The first 10 of 25" in browser.message.value
    assert browser.more_button.layout.display == ""
    for _ in range(2):
        browser.more_button.click()
        browser.wait(SECONDS)
    assert len({item.id for item in browser.items}) == 25
    assert browser.more_button.layout.display == "none"
    assert "25 items" in browser.message.value


def test_does_not_keep_the_notebook_waiting(browse, box):
    browser = browse()
    box.fault("hold", "GET .*/folders/", name="slow")
    began = time.monotonic()
    browser.refresh_button.click()
    clicked = time.monotonic() - began
    box.wait_held("slow")
    assert "Refreshing" in browser.message.value
    box.release("slow")
    browser.wait(SECONDS)
    assert clicked < time.monotonic() - began
    assert "3 items" in browser.message.value


def test_what_goes_wrong_is_told_in_place_and_nothing_is_lost(browse, box, drive):
    browser = browse()
    drive.remove("/Maintenance")
    browser.refresh_button.click()
    browser.wait(SECONDS)
    assert 'role="alert"' in browser.message.value
    assert names(browser) == ["logs", "line-1.csv", "line-2.csv"]


def test_names_of_others_cannot_become_markup(browse, drive):
    drive.mkdir("/<img src=x onerror=alert(1)>")
    browser = browse("/<img src=x onerror=alert(1)>")
    browser.download_button.click()
    browser.name.value = "<b>/"
    browser.make_button.click()
    browser.wait(SECONDS)
    assert "<b>" not in browser.message.value
    assert "<img" not in browser.message.value


def test_every_control_has_a_label(browse):
    for widget in _all(browse()):
        if isinstance(widget, ipw.Button | ipw.FileUpload):
            assert widget.description
            assert widget.tooltip
        elif isinstance(widget, ipw.Text | ipw.SelectMultiple):
            assert widget.description


def _all(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from _all(child)


def test_shadows_no_method_of_the_widgets():
    ours = {name for name, value in vars(BoxBrowser).items() if callable(value) and not name.startswith("__")}
    assert {name for name in ours if any(hasattr(base, name) for base in BoxBrowser.__bases__)} == {"close"}
