"""Names that Box allows and that URLs, HTML or Jupyter's own addresses could trip over; all in one page."""

import itertools

import pytest
from lab_process import opened
from playwright.sync_api import expect

NAMES = {
    "hash": "a b#c",
    "question mark": "what?",
    "percent": "50% 100%25",
    "ampersand": "R&D <b>",
    "quotes": 'it\'s "quoted"',
    "emoji": "größe 📦",
    "right to left": "עברית",
    "leading space": " leading",
    "longest": "x" * 251,
    "checkpoints": "checkpoints",
    "trust": "trust",
    "files": "files",
}
FOLDERS = itertools.count()


@pytest.fixture(scope="module")
def page(chromium, lab):
    with opened(chromium, lab) as page:
        yield page


@pytest.fixture
def folder(panel, put):
    """A folder of this test's own, which the panel shows."""
    path = f"/names {next(FOLDERS)}"

    def shown(*files):
        for file in files:
            put(f"{path}/{file}", b"first\n")
        panel.run("jupyter-box:open", path=f"box:{path[1:]}")
        return path

    yield shown
    panel.run("application:close-all")


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_folder_of_any_name_opens_and_a_file_in_it_is_saved_and_renamed(panel, page, service, folder, name):
    file, renamed = f"{name}.txt", f"{name[:250]}2.txt"
    path = folder(f"{name}/{file}")
    panel.row(name).dblclick()
    panel.row(file).dblclick()
    panel.type("mine ", page.locator(".jp-FileEditor:visible"), "first")
    panel.save()
    assert service.read(f"{path}/{name}/{file}") == b"mine first\n"
    panel.rename(file, renamed)
    panel.type("my ", page.locator(".jp-FileEditor:visible"), "mine first")
    panel.save()
    assert [each.name for each in service.list(f"{path}/{name}")] == [renamed]
    assert service.read(f"{path}/{name}/{renamed}") == b"my mine first\n"


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_file_of_any_name_goes_up_and_comes_down(panel, page, service, folder, name):
    path, file = folder("there.txt"), f"{name}.txt"
    expect(panel.row("there.txt")).to_be_visible()
    panel.drop([file, 1000, 7])
    panel.row(file).click()
    with page.expect_download() as download:
        panel.run("filebrowser:download")
    assert download.value.path().read_bytes() == service.read(f"{path}/{file}")
    assert service.stat(f"{path}/{file}").size == 1000
