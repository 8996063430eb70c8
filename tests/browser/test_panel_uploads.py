"""Uploads from the browser, and copies between the server's disk and Box."""

import hashlib
import os
import re
from types import SimpleNamespace

import pytest
from emulated import environment_of
from ingress import running_ingress
from lab_process import opened, running_lab, show
from panel import PANEL, PARTS, Held, Panel, content
from playwright.sync_api import expect

MB = 1_000_000
LARGE = 200 * MB
DIRECT = 100 * MB
SESSION = re.compile(r"/upload_sessions/[^/]+$")
SENDS = re.compile(r"PUT .*(/upload_sessions/|/jupyter-box/uploads/).*")
KEPT = """() => Object.entries({ ...localStorage })
  .filter(([name]) => name.startsWith('jupyter-box:upload:'))
  .map(([, value]) => JSON.parse(value))"""


def test_a_dropped_file_arrives_as_it_is(panel, service):
    panel.drop(["dropped.bin", 3 * MB, 1], ["empty.txt", 0, 0])
    expect(panel.row("dropped.bin")).to_be_visible()
    expect(panel.row("empty.txt")).to_be_visible()
    assert service.read("/dropped.bin") == content(3 * MB, 1)
    assert service.stat("/empty.txt").size == 0
    expect(panel.transfers).to_have_count(0)


def test_a_file_of_the_same_name_becomes_a_version(panel, put, service):
    put("/again/a.bin", b"before")
    panel.run("jupyter-box:open", path="box:again")
    expect(panel.row("a.bin")).to_be_visible()
    panel.drop(["a.bin", 1000, 2])
    expect(panel.row("a.bin")).to_have_attribute("title", re.compile("Size: 1000 B"))
    assert len(service.versions("/again/a.bin")) == 2


def test_a_folder_goes_up_whole(panel, service, tmp_path):
    tree = tmp_path / "tree"
    for name in ("a.txt", "sub/b.txt", "sub/deeper/c #1.txt"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(name)
    panel.choose("jupyter-box:upload-folder", tree)
    expect(panel.row("tree")).to_be_visible()
    expect(panel.transfers).to_have_count(0)
    assert service.read("/tree/sub/deeper/c #1.txt") == b"sub/deeper/c #1.txt"


def test_a_large_upload_goes_on_after_a_reload(panel, page, lab, service, tmp_path):
    file, sent = tmp_path / "large.bin", []
    file.write_bytes(content(LARGE, 3))
    page.on("request", lambda request: sent.append(request) if request.method == "PUT" else None)
    Held(page, PARTS, let_through=12)
    panel.choose("jupyter-box:upload", file)
    expect(panel.transfers.first).to_contain_text("large.bin")
    page.wait_for_function(
        "() => parseInt(document.querySelector('.jp-Box-figures')?.textContent?.match(/(\\d+) %/)?.[1] ?? 0) >= 40"
    )
    show(page, lab)
    page.unroute_all(behavior="ignoreErrors")
    panel = Panel(page)
    expect(panel.transfers.first).to_contain_text("interrupted")
    sent.clear()
    panel.choose("jupyter-box:upload", file)
    expect(panel.row("large.bin")).to_be_visible(timeout=120_000)
    assert service.stat("/large.bin").sha1 == hashlib.sha1(content(LARGE, 3)).hexdigest()
    bytes_sent = sum(int(request.headers.get("content-length", 0)) or 8 << 20 for request in sent)
    assert bytes_sent < 0.75 * LARGE


@pytest.fixture(scope="module")
def direct_lab(seeded, tmp_path_factory):
    """JupyterLab where files may go to Box itself."""
    folder = tmp_path_factory.mktemp("direct")
    with running_lab(folder, environment_of(seeded), "--BoxConfig.allow_browser_tokens=True") as lab:
        yield lab


@pytest.fixture
def file(tmp_path):
    """Make a file of one size and time on this machine, with the content that a seed gives."""

    def file(name, seed):
        path = tmp_path / name
        path.write_bytes(content(DIRECT, seed))
        os.utime(path, (1_700_000_000, 1_700_000_000))
        return path

    return file


def half_sent(page, lab, file):
    """Upload a file, and load the page anew once Box has some of it; returns where parts are sent to from then on."""
    sent = []

    def note(request):
        if SENDS.fullmatch(f"{request.method} {request.url}"):
            sent.append(request.url)

    page.on("request", note)
    Held(page, SESSION, let_through=6)
    Panel(page).choose("jupyter-box:upload", file)
    page.wait_for_function("() => document.querySelector('.jp-Box-transfers progress')?.value > 40e6")
    show(page, lab)
    page.unroute_all(behavior="ignoreErrors")
    sent.clear()
    return sent


def test_a_direct_upload_goes_on_after_a_reload(chromium, direct_lab, box, service, file):
    with opened(chromium, direct_lab) as page:
        sent = half_sent(page, direct_lab, file("direct.bin", 3))
        panel = Panel(page)
        expect(panel.transfers.first).to_contain_text(re.compile(r"interrupted · [4-6]\d %"))
        (kept,) = page.evaluate(KEPT)
        assert sorted(kept) == ["id", "mtime", "on_conflict", "path", "size"]
        panel.choose("jupyter-box:upload", file("direct.bin", 3))
        expect(panel.row("direct.bin")).to_be_visible()
        expect(panel.transfers).to_have_count(0)
        assert page.evaluate(KEPT) == []
    assert service.stat("/direct.bin").sha1 == hashlib.sha1(content(DIRECT, 3)).hexdigest()
    assert 0 < len(sent) * (8 << 20) < 0.75 * DIRECT
    assert all(url.startswith(box.url) for url in sent)


def test_a_direct_upload_of_another_content_begins_anew(chromium, direct_lab, service, file):
    """Of the same name, size and time: only what Box has of it tells."""
    with opened(chromium, direct_lab) as page:
        half_sent(page, direct_lab, file("other.bin", 3))
        panel = Panel(page)
        expect(panel.transfers.first).to_contain_text("interrupted")
        parts = Held(page, SESSION, let_through=1)  # the end of the session before
        panel.choose("jupyter-box:upload", file("other.bin", 4))
        expect(panel.transfers.first).to_contain_text("The file has changed since; it is sent from the beginning.")
        parts.release()
        expect(panel.row("other.bin")).to_be_visible()
    assert service.read("/other.bin") == content(DIRECT, 4)
    assert len(service.versions("/other.bin")) == 1


def test_paused_cancelled_and_tried_again(panel, page, service):
    parts = Held(page, PARTS)
    panel.drop(["slow.bin", 30 * MB, 4])
    panel.node.get_by_role("button", name="Pause slow.bin").click()
    expect(panel.transfers.first).to_contain_text("paused")
    parts.release()
    panel.node.get_by_role("button", name="Continue slow.bin").click()
    expect(panel.row("slow.bin")).to_be_visible()
    Held(page, PARTS)
    panel.drop(["never.bin", 30 * MB, 5])
    with page.expect_response(lambda answer: answer.request.method == "DELETE") as cancelled:
        panel.node.get_by_role("button", name="Cancel never.bin").click()
    assert cancelled.value.status == 204
    expect(panel.transfers).to_have_count(0)
    assert not service.exists("/never.bin")


def test_parts_become_smaller_behind_an_ingress_that_takes_a_megabyte(chromium, lab, service):
    port = int(re.search(r":(\d+)/", lab.url)[1])
    with running_ingress(port, 1 << 20) as ingress:
        before = SimpleNamespace(url=f"http://127.0.0.1:{ingress.port}/", token=lab.token)
        with opened(chromium, before) as page:
            panel = Panel(page)
            panel.drop(["narrow.bin", 5 * MB, 6])
            expect(panel.row("narrow.bin")).to_be_visible()
            assert ingress.refused
            known = len(ingress.refused)
            panel.drop(["narrow too.bin", 5 * MB, 7])
            expect(panel.row("narrow too.bin")).to_be_visible()
            assert len(ingress.refused) == known
    assert service.read("/narrow.bin") == content(5 * MB, 6)
    assert service.read("/narrow too.bin") == content(5 * MB, 7)


def test_copies_between_the_disk_and_box(panel, lab, service):
    (lab.files / "local.csv").write_text("a,b\n1,2\n")
    panel.run("jupyter-box:copy-to-box", path="local.csv", target="/Quality")
    panel.enter("Quality")
    panel.press("refresh")
    expect(panel.row("local.csv")).to_be_visible()
    assert service.read("/Quality/local.csv") == b"a,b\n1,2\n"
    (lab.files / "down").mkdir()
    panel.run("jupyter-box:copy-to-disk", path="box:Quality/weekly-report.csv", target="down")
    expect(panel.transfers).to_have_count(0)
    assert (lab.files / "down" / "weekly-report.csv").read_bytes() == service.read("/Quality/weekly-report.csv")


def test_downloads_a_file_and_a_folder_as_zip(panel, page):
    panel.row("Welcome.md").click()
    with page.expect_download() as file:
        panel.run("filebrowser:download")
    assert file.value.suggested_filename == "Welcome.md"
    panel.row("Notebooks").click()
    with page.expect_download() as archive:
        panel.run("jupyter-box:download")
    assert archive.value.suggested_filename == "Notebooks.zip"
    assert archive.value.path().read_bytes()[:2] == b"PK"
    assert page.locator(f"{PANEL} [role=alert]").count() == 0
