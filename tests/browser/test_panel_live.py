"""What happens elsewhere, and while the server restarts: the panel shows it by itself, and goes on by itself."""

import json
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from emulated import environment_of
from lab_process import opened, running_lab
from panel import Panel, content
from playwright.sync_api import expect

MB = 1_000_000
LARGE = 60 * MB


def is_live(page):
    """Wait until Box's event stream is open: what changes before, the poll finds within a minute."""
    page.wait_for_timeout(2500)


def test_what_another_client_does_is_shown_within_seconds(panel, page, service):
    is_live(page)
    service.write("/by another client.txt", b"1")
    expect(panel.row("by another client.txt")).to_be_visible(timeout=15_000)
    service.move("/by another client.txt", "/renamed by another client.txt")
    expect(panel.row("renamed by another client.txt")).to_be_visible(timeout=15_000)
    expect(panel.row("by another client.txt")).to_have_count(0)
    service.remove("/renamed by another client.txt")
    expect(panel.row("renamed by another client.txt")).to_have_count(0, timeout=15_000)


def test_what_changes_while_the_panel_is_hidden_is_listed_when_it_is_shown(panel, page, service):
    is_live(page)
    tab = page.locator('li[data-id="jupyter-box-browser"]')
    tab.click()
    expect(panel.node).to_be_hidden()
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/jupyter-box/contents" in request.url else None)
    service.write("/while hidden.txt", b"1")
    page.wait_for_timeout(5000)
    assert asked == []
    tab.click()
    expect(panel.row("while hidden.txt")).to_be_visible(timeout=10_000)


def test_a_change_elsewhere_asks_for_nothing(panel, page, put):
    put("/elsewhere/a.txt")
    panel.run("jupyter-box:refresh")
    is_live(page)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/jupyter-box/contents" in request.url else None)
    put("/elsewhere/b.txt")
    page.wait_for_timeout(5000)
    assert asked == []


def test_what_leaves_a_further_page_leaves_the_list(panel, page, box, service):
    """A look for news asks for the first page alone; what is behind it is asked for one by one."""
    folder = service.mkdir("/two pages")
    box.fill(folder.id, 1100)
    panel.run("jupyter-box:open", path="box:two pages")
    expect(panel.row("file-000000.txt")).to_be_visible()
    panel.content.evaluate("node => { node.scrollTop = node.scrollHeight; }")
    extent = panel.node.locator(".jp-Box-extent")
    expect(extent).to_contain_text("1100 items")
    panel.content.evaluate("node => { node.scrollTop = node.scrollHeight; }")
    expect(panel.row("file-001099.txt")).to_be_visible()
    service.remove("/two pages/file-001098.txt")
    service.move("/two pages/file-001099.txt", "/two pages/renamed.txt")
    expect(extent).to_contain_text("1099 items", timeout=15_000)
    expect(panel.row("renamed.txt")).to_be_visible()
    expect(panel.row("file-001098.txt")).to_have_count(0)


KERNEL = """async code => {
  const { serviceManager } = window.jupyterapp;
  const kernel = await serviceManager.kernels.startNew({ name: 'python3' });
  window.ended = kernel.requestExecute({ code }).done.then(({ content }) => content.ename || content.status);
}"""


def test_a_kernels_transfer_has_a_row_with_a_cancel(panel, page, box):
    box.fault("hold", "PUT /files/upload_sessions", name="part", times=None, after=1)
    code = (
        f"import jupyter_box, pathlib; pathlib.Path('of a kernel.bin').write_bytes(bytes({LARGE}));"
        "jupyter_box.connect().upload('of a kernel.bin', '/')"
    )
    page.evaluate(KERNEL, code)
    row = panel.transfers.filter(has_text="of a kernel.bin")
    expect(row).to_be_visible()
    expect(row.locator(".jp-Box-name")).to_have_attribute("title", re.compile("by a notebook or a terminal"))
    row.get_by_role("button", name="Cancel of a kernel.bin").click()
    expect(row).to_contain_text("Asked to stop")
    page.wait_for_timeout(4000)  # a kernel asks every other second
    box.control(release=True)
    expect(row).to_have_count(0)
    assert page.evaluate("() => window.ended") == "Cancelled"


def test_a_failed_copy_is_done_again(panel, page, lab, box, service):
    (lab.files / "again.bin").write_bytes(bytes(3 * MB))
    box.control(quota=1)
    page.evaluate(
        "api => fetch(api.url + 'jupyter-box/transfers', {method: 'POST', body: JSON.stringify(api.body),"
        " headers: {'X-XSRFToken': /_xsrf=([^;]*)/.exec(document.cookie)?.[1] ?? ''}}).then(() => null)",
        {"url": lab.url, "body": {"kind": "upload", "source": "again.bin", "target": "/"}},
    )
    row = panel.transfers.filter(has_text="again.bin")
    expect(row).to_have_attribute("data-phase", "failed")
    box.reset_control()
    row.get_by_role("button", name="Retry again.bin").click()
    expect(row).to_have_count(0)
    assert service.stat("/again.bin").size == 3 * MB


@pytest.fixture(params=[True, False], ids=["box allows it", "box does not"])
def cors(request, seeded):
    return request.param


def test_a_large_file_goes_to_box_directly_if_it_can(chromium, seeded, service, cors, tmp_path):
    """Else, as where Box has not this page's address on its list, it goes over the server."""
    with (
        running_lab(tmp_path, environment_of(seeded), "--BoxConfig.allow_browser_tokens=True") as lab,
        opened(chromium, lab) as page,
    ):
        ways = {"direct": 0, "server": 0}

        def note(request):
            if request.method == "PUT" and "/jupyter-box/uploads/" in request.url:
                ways["server"] += 1
            elif request.method == "PUT" and request.url.startswith(seeded.url):
                ways["direct"] += 1

        page.on("request", note)
        if not cors:
            # what a browser makes of an answer without CORS headers
            page.route(lambda url: url.startswith(seeded.url), lambda route: route.abort())
        panel = Panel(page)
        name = f"direct {cors}.bin"
        panel.drop([name, LARGE, 5])
        expect(panel.row(name)).to_be_visible()
        expect(panel.transfers).to_have_count(0)
        assert service.read(f"/{name}") == content(LARGE, 5)
        assert service.stat(f"/{name}").content_modified.timestamp() == 1_700_000_000
        assert (ways["direct"] > 0, ways["server"] > 0) == (cors, not cors)
        if cors:
            panel.drop([name, LARGE, 6])
            expect(panel.transfers).to_have_count(1)
            expect(panel.transfers).to_have_count(0)
            assert len(service.versions(f"/{name}")) == 2


def running_again(lab, environment):
    """Start a stopped server again where it was: in its folder, and on its port."""
    return running_lab(lab.files, environment, f"--ServerApp.port={urlsplit(lab.url).port}")


def test_an_upload_outlasts_a_restart_of_the_server(chromium, seeded, service, tmp_path):
    """The page lives on, so nobody has to choose the file again."""
    environment = environment_of(seeded)
    with running_lab(tmp_path, environment) as lab, opened(chromium, lab) as page:
        panel = Panel(page)
        seen = []
        page.on("request", lambda request: seen.append(request) if request.method == "PUT" else None)
        page.route(re.compile(r"/jupyter-box/uploads/\w+\?offset="), lambda route: slowly(page, route))
        panel.drop(["restarted.bin", LARGE, 7])
        page.wait_for_function("() => document.querySelector('.jp-Box-transfers progress')?.value > 0")
        lab.end()
        row = panel.transfers.filter(has_text="restarted.bin")
        expect(row).to_contain_text("goes on when it is back")
        with running_again(lab, environment):
            expect(row).to_have_count(0, timeout=60_000)
            assert service.read("/restarted.bin") == content(LARGE, 7)


def test_edits_outlast_a_restart_of_the_server(chromium, seeded, service, put, tmp_path):
    """While the server is away, a save says so, and the document keeps what was typed."""
    environment = environment_of(seeded)
    put("/restarts/edited.md", b"first\n")
    with running_lab(tmp_path, environment) as lab, opened(chromium, lab, refusals="does not answer") as page:
        panel = Panel(page)
        panel.run("jupyter-box:open", path="box:restarts/edited.md")
        editor = page.locator(".jp-FileEditor:visible")
        panel.type("mine ", editor, "first")
        lab.end()
        page.keyboard.press("Control+s")
        dialog = page.locator(".jp-Dialog", has_text="File Save Error")
        expect(dialog).to_contain_text("The Jupyter server does not answer")
        dialog.get_by_role("button", name="Close").click()
        # JupyterLab itself may say at any moment that it looks for the server
        page.add_locator_handler(page.locator(".jp-Dialog", has_text="Server Connection Error"), panel.dismiss)
        with running_again(lab, environment):
            editor.locator(".cm-content").click()
            panel.save()
            assert service.read("/restarts/edited.md") == b"mine first\n"


def test_a_download_comes_from_box_itself_if_that_is_set(chromium, seeded, put, tmp_path):
    put("/direct download.txt", b"by Box's own address")
    settings = {"jupyter-box/plugin": {"directDownload": True}}
    with running_lab(tmp_path, environment_of(seeded), settings=settings) as lab, opened(chromium, lab) as page:
        panel = Panel(page)
        panel.row("direct download.txt").click()
        with page.expect_download() as download:
            page.evaluate("() => void window.jupyterapp.commands.execute('filebrowser:download')")
        assert download.value.suggested_filename == "direct download.txt"
        assert Path(download.value.path()).read_bytes() == b"by Box's own address"
        assert not download.value.url.startswith(lab.url)
        expect(panel.row("direct download.txt")).to_be_visible()  # the page itself stayed


def slowly(page, route):
    time.sleep(0.2)
    route.continue_()


def test_an_idle_panel_asks_twice_a_minute_at_most(panel, page):
    is_live(page)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "/jupyter-box/" in request.url else None)
    page.wait_for_timeout(62_000)
    assert len(asked) <= 2, json.dumps(asked, indent=1)
