"""`box://`: registered, resolved, read, written, listed, moved, pickled and forked, on the emulator."""

from __future__ import annotations

import gzip
import io
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import tracemalloc
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import fsspec
import pytest

from jupyter_box import connect, shared
from jupyter_box.errors import BoxError, Changed, Corrupted, Denied, Exists, InvalidName, NotConfigured, NotFound
from jupyter_box.filesystem import BoxFileSystem
from jupyter_box.filesystem._reading import Blocks
from jupyter_box.transfer.lanes import shared_gate

MIB = 1 << 20


@pytest.fixture(autouse=True)
def _anew(monkeypatch):
    monkeypatch.setattr(shared, "_shell", None)
    shared_gate.cache_clear()  # another test's faults may have left the process with one request at once
    BoxFileSystem.clear_instance_cache()
    yield
    BoxFileSystem.clear_instance_cache()


@pytest.fixture
def fs(drive, monkeypatch):
    """The file system of the environment, whose root is a fresh folder."""
    monkeypatch.setenv("BOX_ROOT_FOLDER", drive.status().root.id)
    return BoxFileSystem()


def in_a_fresh_process(code, **more):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **more},
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_box_is_ours_in_a_fresh_process_over_the_stale_entry_of_fsspec(fs):
    fs.pipe_file("/x.txt", b"hello")
    code = """
import fsspec
from fsspec.registry import get_filesystem_class
with fsspec.open("box:///x.txt") as file:
    print(file.read(), get_filesystem_class("box").__module__.split(".")[0])
"""
    assert in_a_fresh_process(code) == "b'hello' jupyter_box"


def test_importing_it_does_not_wait_for_the_sdk_of_box():
    code = "import sys, jupyter_box.filesystem as f; f.BoxFileSystem(); print('box_sdk_gen' in sys.modules)"
    assert in_a_fresh_process(code) == "False"


ADDRESSES = {
    "box:///a/b.csv": "/a/b.csv",
    "box://a/b.csv": "/a/b.csv",
    "a/b.csv": "/a/b.csv",
    "/a/b/": "/a/b",
    "box://": "/",
    "box:///": "/",
    "": "/",
    "box://id:123": "id:123",
    "box://id:123/x": "id:123/x",
    "box://a/b.csv?version=7": "/a/b.csv?version=7",
    "box://.hidden": "/.hidden",
    "box://./x": "/here/x",
    "./x": "/here/x",
    "box://../x": "/x",
    "box://.": "/here",
}


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_means_one_path(address, monkeypatch):
    monkeypatch.setattr(shared, "cwd", lambda: "/here")
    assert BoxFileSystem._strip_protocol(address) == ADDRESSES[address]


def test_an_address_above_the_root_is_none():
    with pytest.raises(InvalidName, match="climbs above"):
        BoxFileSystem._strip_protocol("box://../x")


@pytest.mark.parametrize(
    ("path", "parent"),
    [("/a/b", "/a"), ("/a", "/"), ("/", "/"), ("id:1", "/"), ("id:1/x", "id:1"), ("/a/b?version=3", "/a")],
)
def test_the_parent_of_a_path(path, parent):
    assert BoxFileSystem._parent(path) == parent


def test_a_relative_address_starts_where_box_cd_went(fs, box_environment):
    from IPython.core.interactiveshell import InteractiveShell

    fs.pipe_file("/Maintenance/x.txt", b"from the folder")
    shell = InteractiveShell.instance()
    try:
        shell.run_line_magic("load_ext", "jupyter_box")
        shell.run_line_magic("box_cd", "/Maintenance")
        with fsspec.open("box://./x.txt") as file:
            assert file.read() == b"from the folder"
        assert fs.ls("box://.", detail=False) == ["/Maintenance/x.txt"]
    finally:
        InteractiveShell.clear_instance()


def test_the_shell_and_box_addresses_have_one_connection(fs, drive):
    class Shell:
        cwd = "/"
        connect = None

        def drive(self):
            return drive

    shared.offer(Shell())
    assert BoxFileSystem().drive is drive
    assert BoxFileSystem(root_folder="0").drive is not drive


def test_an_id_names_a_file_and_a_folder(fs):
    fs.pipe_file("/folder/x.txt", b"abc")
    file, folder = fs.info("/folder/x.txt")["id"], fs.info("/folder")["id"]
    assert fs.cat_file(f"box://id:{file}") == b"abc"
    assert fs.ls(f"id:{folder}", detail=False) == [f"id:{folder}/x.txt"]
    assert fs.cat_file(f"id:{folder}/x.txt") == b"abc"
    assert fs.find(f"id:{folder}") == [f"id:{folder}/x.txt"]


def test_a_version_is_read_by_its_id(fs, drive):
    fs.pipe_file("/x.txt", b"first")
    first = fs.info("/x.txt")["version"]
    fs.pipe_file("/x.txt", b"the second")
    past = f"box://x.txt?version={first}"
    assert fs.cat_file(past) == b"first"
    assert fs.cat_file("/x.txt", version=first) == b"first"
    with fsspec.open(past) as file:
        assert file.read() == b"first"
    with fs.open("/x.txt", version=first) as file:
        assert file.read() == b"first"
    assert (fs.info(past)["size"], fs.info(past)["version"], fs.glob(past)) == (
        5,
        first,
        [f"/x.txt?version={first}"],
    )
    with pytest.raises(InvalidName, match="past"):
        fs.pipe_file(past, b"")
    fs.cp_file(past, "/copy.txt")
    assert fs.cat_file("/copy.txt") == b"first"


def test_a_version_that_is_none_is_not_found(fs):
    fs.pipe_file("/x.txt", b"first")
    with pytest.raises(FileNotFoundError):
        fs.cat_file("/x.txt?version=1")


def test_info_tells_what_box_knows(fs, drive):
    fs.pipe_file("/folder/x.txt", b"abc")
    item, info = drive.stat("/folder/x.txt"), fs.info("/folder/x.txt")
    assert (info["name"], info["type"], info["size"]) == ("/folder/x.txt", "file", 3)
    assert (info["id"], info["etag"], info["sha1"], info["version"]) == (item.id, item.etag, item.sha1, item.version)
    assert info["created"] == fs.created("/folder/x.txt") == item.created
    assert info["modified"] == fs.modified("/folder/x.txt") == item.modified
    assert info["modified"].utcoffset().total_seconds() == 0
    assert fs.ls("/folder") == [info]
    assert fs.ls("/folder/x.txt") == [info]
    assert fs.info("/folder")["type"] == "directory"
    assert fs.info("/")["name"] == "/"


def test_the_key_of_a_file_changes_with_its_content_alone(fs, drive):
    fs.pipe_file("/x.txt", b"abc")
    key, checksum = fs.ukey("/x.txt"), fs.checksum("/x.txt")
    drive.lock("/x.txt")
    assert (fs.ukey("/x.txt"), fs.checksum("/x.txt")) == (key, checksum)
    drive.unlock("/x.txt")
    fs.pipe_file("/x.txt", b"abd")
    assert fs.ukey("/x.txt") != key
    assert fs.checksum("/x.txt") != checksum


def test_what_is_missing_is_said_in_the_words_of_python(fs):
    fs.mkdir("/folder")
    for act in (fs.info, fs.ls, fs.cat_file, fs.open, fs.rm, fs.rmdir, fs.modified, fs.ukey, fs.sign):
        with pytest.raises(FileNotFoundError):
            act("/nowhere/x.txt")
    with pytest.raises(IsADirectoryError):
        fs.open("/folder")
    with pytest.raises(IsADirectoryError):
        fs.cat_file("/folder")
    with pytest.raises(IsADirectoryError):
        fs.rm("/folder")
    with pytest.raises(FileExistsError):
        fs.mkdir("/folder")
    with pytest.raises(ValueError, match="to read"):
        fs.open("/x", "r+b")


def test_exists_does_not_call_a_failure_an_absence(fs, box, monkeypatch):
    assert not fs.exists("/nowhere")
    assert not fs.exists("/a name\\that Box has not")
    fs.pipe_file("/x.txt", b"")
    assert not fs.exists("/x.txt/y")
    assert (fs.isfile("/x.txt"), fs.isdir("/x.txt"), fs.isdir("/"), fs.isfile("/nowhere")) == (True, False, True, False)
    box.fault("error", "GET /2.0/f", status=403, code="forbidden", times=None)
    for act in (fs.exists, fs.isdir, fs.isfile):
        with pytest.raises(PermissionError):
            act("/x.txt")


def test_a_walk_leaves_out_no_folder_because_of_the_network(fs, box, monkeypatch):
    fs.pipe_file("/folder/x.txt", b"")
    folder = fs.info("/folder")["id"]
    box.fault("unauthorized", f"GET .*/folders/{folder}/items", times=None)
    with pytest.raises(BoxError):
        fs.find("/")


def test_options_are_settings_and_no_secrets():
    with pytest.raises(TypeError, match="secrets come from the environment"):
        BoxFileSystem(client_secret="hush")


def test_without_credentials_it_says_so_when_it_is_used():
    fs = BoxFileSystem()
    with pytest.raises(NotConfigured):
        fs.ls("/")


def test_a_file_is_written_when_it_is_closed(fs):
    file = fs.open("/new/folder/x.bin", "wb")
    file.write(b"abc")
    assert not fs.exists("/new/folder/x.bin")
    file.close()
    assert fs.cat_file("/new/folder/x.bin") == b"abc"


def test_overwriting_makes_a_version_and_equal_content_none(fs, drive):
    for content in (b"one", b"two", b"two"):
        with fs.open("/x.txt", "wb") as file:
            file.write(content)
    assert len(drive.versions("/x.txt")) == 2


@pytest.mark.filterwarnings("ignore:.*nothing of it was written")
@pytest.mark.parametrize("way", ["fs.open", "fsspec.open", "fsspec.open text", "gzip", "gzip text", "transaction"])
def test_an_exception_in_the_block_writes_nothing(fs, way):
    opened = {
        "fs.open": lambda: fs.open("/x.txt", "wb"),
        "fsspec.open": lambda: fsspec.open("box:///x.txt", "wb"),
        "fsspec.open text": lambda: fsspec.open("box:///x.txt", "wt"),
        "gzip": lambda: fsspec.open("box:///x.txt", "wb", compression="gzip"),
        "gzip text": lambda: fs.open("/x.txt", "wt", compression="gzip"),
        "transaction": lambda: fs.transaction,
    }[way]()
    with pytest.raises(KeyError):
        write_half(fs, opened)
    assert not fs.exists("/x.txt")


def write_half(fs, opened):
    with opened as file:
        if opened is fs.transaction:
            fs.open("/x.txt", "wb").close()
        else:
            file.write("half" if isinstance(file, io.TextIOBase) else b"half")
        raise KeyError("on the way")


def test_a_file_is_written_while_another_exception_is_handled(fs):
    try:
        {}["missing"]
    except KeyError:
        with fsspec.open("box:///x.txt", "wb") as file:
            file.write(b"whole")
    assert fs.cat_file("/x.txt") == b"whole"


def test_a_file_that_nobody_closes_is_not_written_and_says_so(fs):
    file = fs.open("/x.txt", "wb")
    file.write(b"half")
    with pytest.warns(UserWarning, match=r"/x.txt was never closed; nothing of it was written"):
        del file
    assert not fs.exists("/x.txt")


def test_a_file_that_box_refuses_can_be_committed_again(fs, box):
    file = fs.open("/x.txt", "wb")
    file.write(b"whole")
    box.fault("error", "POST .*content", status=403, code="access_denied_insufficient_permissions", times=None)
    with pytest.raises(Denied):
        file.close()
    box.clear()
    file.commit()
    assert fs.cat_file("/x.txt") == b"whole"


def test_a_transaction_writes_all_files_at_its_end(fs):
    with fs.transaction:
        fs.open("/a.txt", "wb").close()
        with fs.open("/b.txt", "wb") as file:
            file.write(b"b")
        assert not fs.exists("/b.txt")
    assert fs.cat(["/a.txt", "/b.txt"]) == {"/a.txt": b"", "/b.txt": b"b"}


def test_a_large_file_waits_on_disk_and_goes_in_parts(fs, box):
    block = os.urandom(MIB)
    tracemalloc.start()
    try:
        file = fs.open("/large.bin", "wb")
        for _ in range(40):
            file.write(block)
        peak = tracemalloc.get_traced_memory()[1]
        file.close()
    finally:
        tracemalloc.stop()
    assert peak < 24 * MIB
    assert box.counts["post_files_upload_sessions_id_commit"] == 1
    assert fs.cat_file("/large.bin") == block * 40


def test_a_file_grows_at_its_end(fs):
    for line in (b"one\n", b"two\n"):
        with fs.open("/x.txt", "ab") as file:
            file.write(line)
    assert fs.cat_file("/x.txt") == b"one\ntwo\n"
    with fs.open("/x.txt", "ab") as file, pytest.raises(io.UnsupportedOperation):
        file.seek(0)


@pytest.mark.parametrize("before", [None, "old\n"])
def test_a_file_that_grew_elsewhere_meanwhile_keeps_what_came(fs, box, before):
    if before:
        fs.pipe_file("/x.txt", before.encode())
    fs.ls("/")
    file = fs.open("/x.txt", "ab")
    file.write(b"ours\n")
    change_elsewhere("/x.txt", f"{before}theirs\n")
    with pytest.raises(Changed if before else Exists):
        file.close()
    assert fs.cat_file("/x.txt") == f"{before}theirs\n".encode()


def test_a_place_before_the_end_can_be_written_again(fs):
    import zipfile

    with fs.open("/x.zip", "wb") as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("name", "content")
    with fs.open("/x.zip") as file, zipfile.ZipFile(file) as archive:
        assert archive.read("name") == b"content"


def test_a_file_that_must_be_new_is_refused_when_another_came_first(fs):
    file = fs.open("/x.txt", "xb")
    file.write(b"ours")
    fs.pipe_file("/x.txt", b"theirs")
    with pytest.raises(FileExistsError):
        file.close()
    assert fs.cat_file("/x.txt") == b"theirs"


def test_text_and_compression(fs):
    with fs.open("/x.txt.gz", "wt", compression="infer", encoding="utf-8") as file:
        file.write("zwölf\n")
    assert gzip.decompress(fs.cat_file("/x.txt.gz")).decode() == "zwölf\n"
    assert fs.read_text("/x.txt.gz", compression="infer") == "zwölf\n"


@pytest.fixture
def numbers(fs):
    """A file of 9 MiB, and its content."""
    content = b"".join(number.to_bytes(4, "big") for number in range(9 * MIB // 4))
    fs.pipe_file("/numbers.bin", content)
    return content


def test_any_part_of_a_file_is_read_as_it_is(fs, numbers):
    size = len(numbers)
    places = [
        (0, 1),
        (size - 1, size),
        (2 * MIB - 1, 2 * MIB + 1),
        (0, size),
        (5, 7 * MIB),
        (size, size + 9),
        (3 * MIB, 4 * MIB),
    ]
    with fs.open("/numbers.bin") as file:
        for start, end in places:
            file.seek(start)
            assert file.read(end - start) == numbers[start:end]
    with fs.open("/numbers.bin", cache_options={"kept": 2, "ahead": 1}) as file:
        assert b"".join(iter(lambda: file.read(100_000), b"")) == numbers
    with fs.open("/numbers.bin", cache_options={"kept": 2, "ahead": 1}) as file:
        assert file.read() == numbers


@pytest.mark.parametrize("cache_type", ["none", "readahead", "bytes", "all", "blockcache"])
def test_the_caches_of_fsspec_work_too(fs, numbers, cache_type):
    with fs.open("/numbers.bin", cache_type=cache_type) as file:
        file.seek(MIB)
        assert file.read(10) == numbers[MIB : MIB + 10]


def test_lines(fs):
    lines = [b"x" * length + b"\n" for length in (0, 1, 20_000, 3, 16_383)] + [b"the end"]
    fs.pipe_file("/lines.txt", b"".join(lines))
    with fs.open("/lines.txt") as file:
        assert list(file) == lines
        file.seek(1)
        assert (file.readline(1), file.readline(), file.readline(5)) == (b"x", b"\n", b"x" * 5)
    with fs.open("/lines.txt", "r") as file:
        assert file.read() == b"".join(lines).decode()


def test_one_look_at_a_files_beginning_does_not_fetch_it_all(fs, numbers, box):
    box.clear()
    with fs.open("/numbers.bin") as file:
        file.read(10)
        file.read(10)
    assert sum(entry["status"] == 206 for entry in box.log) <= 2


def test_blocks_are_kept_within_bounds_and_fetched_once_while_kept():
    asked = []

    def fetch(start, end):
        asked.append(start)
        return bytes(end - start)

    blocks = Blocks(10, fetch, 1000, kept=4, ahead=0)
    for start in (0, 5, 10, 0, 500, 0):
        assert len(blocks._fetch(start, start + 5)) == 5
    assert sorted(asked) == [0, 10, 500]
    for start in range(0, 1000, 10):
        blocks._fetch(start, start + 10)
    assert len(blocks._blocks) <= 4


def test_who_reads_on_is_read_ahead_more_and_more_and_who_jumps_is_not():
    asked, lock = set(), threading.Lock()

    def fetch(start, end):
        with lock:
            asked.add(start // 10)
        return bytes(end - start)

    blocks = Blocks(10, fetch, 1000, kept=32, ahead=8)
    blocks._fetch(500, 505)
    assert asked == {50}
    for start in (510, 520, 530):
        blocks._fetch(start, start + 10)
    assert {number for number in blocks._blocks if number > 53} >= {54, 55, 56, 57}
    assert max(blocks._blocks) <= 53 + 8
    before = set(blocks._blocks)
    blocks._fetch(0, 5)
    assert set(blocks._blocks) - before == {0}


def test_a_block_that_failed_is_fetched_again():
    answers = [OSError("once"), b"x" * 10]

    def fetch(start, end):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    blocks = Blocks(10, fetch, 10)
    with pytest.raises(OSError, match="once"):
        blocks._fetch(0, 10)
    assert blocks._fetch(0, 10) == b"x" * 10


def test_ranges_come_side_by_side_with_one_look_up_a_file(fs, numbers, box):
    fs.pipe_file("/small.bin", b"0123456789")
    box.clear()
    paths = ["/numbers.bin"] * 6 + ["/small.bin", "/small.bin", "/nowhere"]
    starts = [0, 4, 1000, 2 * MIB, 8 * MIB, -4, None, -3, 0]
    ends = [4, 8, 2000, 3 * MIB, 9 * MIB, None, 3, -1, 5]
    got = fs.cat_ranges(paths, starts, ends)
    assert got[:6] == [numbers[start:end] for start, end in zip(starts[:6], ends[:6], strict=True)]
    assert got[6:8] == [b"012", b"78"]
    assert isinstance(got[8], FileNotFoundError)
    assert box.counts["get_files_id"] == 2
    with pytest.raises(FileNotFoundError):
        fs.cat_ranges(["/nowhere"], 0, 1, on_error="raise")


def test_ranges_are_under_way_at_once(fs, numbers, box):
    box.fault("hold", "^GET /d/1/", name="ranges", times=None)
    with ThreadPoolExecutor(1) as threads:
        try:
            got = threads.submit(fs.cat_ranges, ["/numbers.bin"] * 3, [0, MIB, 2 * MIB], [9, MIB + 9, 2 * MIB + 9])
            box.wait_held("ranges", count=3)
        finally:
            box.release("ranges")
        assert got.result() == [numbers[start : start + 9] for start in (0, MIB, 2 * MIB)]


@pytest.mark.parametrize(("start", "end"), [(None, None), (2, None), (None, 4), (-3, None), (2, -2), (5, 2), (0, 99)])
def test_a_part_of_a_file_is_cut_as_python_does(fs, start, end):
    fs.pipe_file("/x.txt", b"0123456789")
    assert fs.cat_file("/x.txt", start, end) == b"0123456789"[start:end]


def test_several_files_at_once_and_what_cannot_be_had(fs):
    fs.pipe({"/a/1.txt": b"1", "/a/2.txt": b"2", "/a/b/3.txt": b"3"})
    assert fs.cat("/a/*.txt") == {"/a/1.txt": b"1", "/a/2.txt": b"2"}
    assert fs.cat("/a", recursive=True) == {"/a/1.txt": b"1", "/a/2.txt": b"2", "/a/b/3.txt": b"3"}
    assert fs.cat("/a/1.txt") == b"1"
    assert fs.cat(["/a/1.txt", "/no"], on_error="omit") == {"/a/1.txt": b"1"}
    assert isinstance(fs.cat(["/a/1.txt", "/no"], on_error="return")["/no"], NotFound)
    with pytest.raises(FileNotFoundError):
        fs.cat(["/a/1.txt", "/no"])


def test_a_whole_file_is_verified(fs, box):
    fs.pipe_file("/x.txt", b"0123456789")
    box.fault("corrupt", "GET .*")
    with pytest.raises(Corrupted):
        fs.cat_file("/x.txt")


def test_a_listing_is_remembered_until_this_process_changes_something(fs, drive, box):
    fs.pipe_file("/a/x.txt", b"1")
    fs.ls("/a")
    box.clear()
    assert [one["size"] for one in fs.ls("/a")] == [1]
    assert fs.info("/a/x.txt")["size"] == 1
    assert not box.counts
    drive.write("/a/x.txt", b"another drive of this process")
    assert fs.cat_file("/a/x.txt") == b"another drive of this process"
    drive.write("/a/y.txt", b"")
    assert fs.ls("/a", detail=False) == ["/a/x.txt", "/a/y.txt"]


def change_elsewhere(path, content):
    code = f"from jupyter_box import connect; connect().write({path!r}, {content!r})"
    in_a_fresh_process(code)


def test_a_file_that_changed_after_the_listing_is_read_as_it_is_now(fs, box):
    fs.pipe_file("/a/x.txt", b"1")
    fs.ls("/a")
    change_elsewhere("/a/x.txt", "another length")
    assert fs.cat_file("/a/x.txt", 0, 7) == b"another"
    assert fs.cat_file("/a/x.txt") == b"another length"


@pytest.fixture
def two_blocks(fs):
    """A file that is open and whose first block was read, another content of its size, and its own."""
    first, second = b"1" * 3 * MIB, b"2" * 3 * MIB
    fs.pipe_file("/x.bin", first)
    with fs.open("/x.bin", cache_options={"ahead": 0}) as file:
        assert file.read(10) == first[:10]
        yield file, second, first


def test_an_open_file_stays_the_version_it_was(two_blocks, drive, box):
    file, second, first = two_blocks
    drive.write("/x.bin", second)
    box.fault("error", "^GET /d/1/", status=403, code="forbidden")  # its address has run out
    assert file.read() == first[10:]


def test_an_open_file_whose_version_is_gone_says_so(two_blocks, drive, box):
    file, second, _ = two_blocks
    drive.write("/x.bin", second)
    drive.delete_version("/x.bin", file.details["version"])
    box.fault("error", "^GET /d/1/", status=403, code="forbidden")
    with pytest.raises(Changed, match=r"/x.bin changed in Box while it was open"):
        file.read()


@pytest.mark.parametrize("status", [403, 404])
def test_an_open_file_is_read_where_a_version_cannot_be_asked_for(two_blocks, box, status):
    file, _, first = two_blocks
    box.fault("error", "^GET /d/1/", status=403, code="forbidden")
    box.fault("error", "^GET /2.0/files/.*/content", status=status, code="forbidden")
    assert file.read() == first[10:]


def test_a_listing_is_forgotten_when_asked_to(fs, box):
    fs.pipe_file("/a/x.txt", b"1")
    fs.ls("/a")
    change_elsewhere("/a/y.txt", "2")
    assert len(fs.ls("/a")) == 1
    assert len(fs.ls("/a", refresh=True)) == 2
    change_elsewhere("/a/z.txt", "3")
    fs.invalidate_cache("/a/z.txt")
    assert len(fs.ls("/a")) == 3


def test_listings_are_not_remembered_if_so_wished(fs, box):
    own = BoxFileSystem(use_listings_cache=False)
    own.pipe_file("/a/x.txt", b"1")
    own.ls("/a")
    box.clear()
    own.ls("/a")
    assert box.counts["get_folders_id_items"] == 1


def test_a_tree_is_found_with_one_listing_a_folder(fs, box):
    for folder in ("/a", "/a/b", "/c"):
        for number in range(3):
            fs.pipe_file(f"{folder}/{number}.txt", b"")
    fs.ls("/")
    box.clear()
    assert len(fs.find("/")) == 9
    assert fs.glob("/**/1.txt") == ["/a/1.txt", "/a/b/1.txt", "/c/1.txt"]
    assert "get_files_id" not in box.counts
    assert box.counts["get_folders_id_items"] == 3


@pytest.mark.slow
def test_a_folder_of_100_000_items_is_listed(fs, box):
    fs.mkdir("/huge")
    box.fill(fs.info("/huge")["id"], 100_000)
    names = fs.ls("/huge", detail=False)
    assert len(names) == len(set(names)) == 100_000
    assert names[0] == "/huge/file-000000.txt"


def test_a_signed_address_needs_no_token(fs):
    fs.pipe_file("/x.txt", b"abc")
    with urllib.request.urlopen(fs.sign("/x.txt", expiration=60)) as answer:
        assert answer.read() == b"abc"


def no_content(box):
    return not {"get_files_id_content", "post_files_content", "post_files_id_content"} & set(box.counts)


def test_a_copy_and_a_move_pass_no_bytes_through_us(fs, drive, box):
    fs.pipe_file("/a/b/x.txt", b"abc")
    item = drive.stat("/a/b/x.txt")
    box.clear()
    fs.cp("/a/b/x.txt", "/new/copy.txt")
    fs.cp("/a", "/tree", recursive=True)
    fs.mv("/a/b/x.txt", "/a/y.txt")
    fs.mv("/a", "/moved")
    assert no_content(box)
    assert box.counts["post_folders_id_copy"] == 1
    assert fs.find("/") == ["/moved/y.txt", "/new/copy.txt", "/tree/b/x.txt"]
    assert fs.info("/moved/y.txt")["id"] == item.id
    assert fs.isdir("/moved/b")


def test_a_copy_over_a_file_is_its_next_version(fs, drive):
    fs.pipe({"/a.txt": b"a", "/b.txt": b"b"})
    fs.cp("/a.txt", "/b.txt")
    assert fs.cat_file("/b.txt") == b"a"
    assert len(drive.versions("/b.txt")) == 2


def test_a_move_over_a_file_puts_that_into_the_trash(fs, drive, box):
    fs.pipe({"/a.txt": b"a", "/b.txt": b"b"})
    was, moved = fs.info("/b.txt")["id"], fs.info("/a.txt")["id"]
    box.fault("error", f"PUT .*/files/{moved}", status=403, code="access_denied_insufficient_permissions")
    with pytest.raises(PermissionError):
        fs.mv("/a.txt", "/b.txt")
    assert fs.cat_file("/b.txt") == b"b"
    fs.mv("/a.txt", "/b.txt")
    assert fs.ls("/", detail=False) == ["/b.txt"]
    assert (fs.cat_file("/b.txt"), fs.info("/b.txt")["id"]) == (b"a", moved)
    assert was in {item.id for item in drive.trash()}


def test_a_move_into_a_folder_keeps_the_name(fs):
    fs.pipe({"/a/x.txt": b"a", "/b/y.txt": b"b"})
    fs.mv("/a/x.txt", "/b")
    fs.mv("/b", "/a/", recursive=True)
    assert fs.find("/") == ["/a/b/x.txt", "/a/b/y.txt"]
    with pytest.raises(Exists):
        fs.mv("/a/b", "/a/b/x.txt")


def test_what_is_removed_goes_to_the_trash_by_one_call(fs, drive, box):
    fs.pipe({f"/a/{number}.txt": b"" for number in range(5)})
    folder = fs.info("/a")["id"]
    box.clear()
    fs.rm("/a", recursive=True)
    assert box.counts["delete_folders_id"] == 1
    assert "delete_files_id" not in box.counts
    assert folder in {item.id for item in drive.trash()}
    fs.pipe({"/b/1.txt": b"", "/b/2.csv": b"", "/b/3.csv": b""})
    fs.rm("/b/*.csv")
    fs.rm_file("/b/1.txt")
    fs.rmdir("/b")
    assert fs.ls("/") == []


def test_only_an_empty_folder_is_removed_by_rmdir(fs):
    fs.pipe_file("/a/x.txt", b"")
    with pytest.raises(OSError, match="not empty"):
        fs.rmdir("/a")
    with pytest.raises(NotADirectoryError):
        fs.rmdir("/a/x.txt")
    assert fs.exists("/a/x.txt")


def test_folders(fs):
    fs.makedirs("/a/b/c")
    fs.makedirs("/a/b/c", exist_ok=True)
    with pytest.raises(FileExistsError):
        fs.makedirs("/a/b/c")
    with pytest.raises(FileNotFoundError):
        fs.mkdir("/x/y", create_parents=False)
    fs.touch("/a/x.txt")
    with pytest.raises(FileExistsError):
        fs.makedirs("/a/x.txt", exist_ok=True)
    fs.pipe_file("/a/x.txt", b"1")
    with pytest.raises(NotImplementedError):
        fs.touch("/a/x.txt", truncate=False)
    fs.touch("/a/x.txt")
    assert fs.size("/a/x.txt") == 0
    assert fs.du("/a") == 0


def test_a_download_is_verified_and_tells_how_far_it_is(fs, numbers, tmp_path, box):
    from fsspec.callbacks import Callback

    callback = Callback()
    fs.get_file("/numbers.bin", tmp_path / "deep" / "numbers.bin", callback=callback)
    assert (tmp_path / "deep" / "numbers.bin").read_bytes() == numbers
    assert (callback.size, callback.value) == (len(numbers), len(numbers))
    out = io.BytesIO()
    fs.get_file("/numbers.bin", out)
    assert out.getvalue() == numbers
    fs.put_file(tmp_path / "deep" / "numbers.bin", "/up/numbers.bin", callback=(up := Callback()))
    assert (up.size, up.value) == (len(numbers), len(numbers))
    with pytest.raises(FileExistsError):
        fs.put_file(tmp_path / "deep" / "numbers.bin", "/up/numbers.bin", mode="create")
    with pytest.raises(IsADirectoryError):
        fs.get_file("/numbers.bin", tmp_path)


def test_a_whole_folder_goes_and_comes_as_one_run(fs, box, tmp_path):
    from fsspec.callbacks import Callback

    tree = {f"/tree/{folder}/{number}.txt": str(number).encode() for folder in "ab" for number in range(5)}
    fs.pipe(tree)
    box.clear()
    fs.get("/tree", str(tmp_path / "here"), recursive=True, callback=(down := Callback()))
    assert {str(file.relative_to(tmp_path / "here")) for file in (tmp_path / "here").rglob("*.txt")} == {
        path.removeprefix("/tree/") for path in tree
    }
    assert (down.size, down.value) == (10, 10)
    assert "get_files_id" not in box.counts
    fs.put(str(tmp_path / "here"), "/tree", recursive=True, callback=(up := Callback()))
    assert fs.cat("/tree/here", recursive=True) == {path.replace("/tree/", "/tree/here/"): tree[path] for path in tree}
    assert (up.size, up.value) == (10, 10)


class ForkedShell:
    """A shell whose drive belongs to the parent, as a notebook's does."""

    cwd = "/below"

    def __init__(self, drive, root):
        self._drive, self._root = drive, root

    def drive(self):
        return self._drive

    def connect(self):
        return connect(root_folder=self._root)


def ask_in_child(drive, pipe):
    pipe.send((BoxFileSystem().cat_file("box://./x.txt"), BoxFileSystem().drive is drive))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this machine cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_of_a_notebook_has_its_settings_and_folder(fs, drive, root_id, monkeypatch):
    fs.pipe_file("/below/x.txt", b"abc")
    monkeypatch.setenv("BOX_ROOT_FOLDER", "0")
    shared.offer(ForkedShell(drive, root_id))
    assert BoxFileSystem().cat_file("box://./x.txt") == b"abc"
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=ask_in_child, args=(drive, theirs))
    child.start()
    assert ours.poll(30)
    assert ours.recv() == (b"abc", False)
    child.join(10)


def test_an_instance_and_an_open_file_travel_without_secrets(fs, root_id, box_environment):
    fs.pipe_file("/x.txt", b"0123456789")
    own = BoxFileSystem(root_folder=root_id)
    with own.open("/x.txt") as file:
        file.read(3)
        sent = pickle.dumps((own, file))
    assert box_environment["BOX_CLIENT_SECRET"].encode() not in sent
    assert box_environment["BOX_CLIENT_SECRET"] not in own.to_json()
    code = f"import pickle; fs, file = pickle.loads({sent!r}); print(fs.cat_file('/x.txt'), file.read())"
    assert in_a_fresh_process(code, BOX_ROOT_FOLDER="0") == "b'0123456789' b'3456789'"
    with own.open("/y.txt", "wb") as file, pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(file)


@pytest.fixture
def root_id(drive):
    return drive.status().root.id


def test_equal_settings_are_one_instance_and_all_threads_share_a_drive(fs, root_id):
    assert BoxFileSystem() is fs
    assert fsspec.filesystem("box") is fs
    assert BoxFileSystem(root_folder=root_id) is not fs
    assert BoxFileSystem(root_folder=root_id) != fs
    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(BoxFileSystem).result()
    assert (other == fs, hash(other) == hash(fs), other.drive is fs.drive) == (True, True, True)


def test_many_threads_read_and_write_at_once(fs):
    def work(number):
        own = BoxFileSystem()
        own.pipe_file(f"/threads/{number % 3}/{number}.txt", str(number).encode())
        return own.cat_file(f"/threads/{number % 3}/{number}.txt")

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(24))) == [str(number).encode() for number in range(24)]
    assert len(fs.find("/threads")) == 24
    assert len(fs.ls("/threads")) == 3


def read_in_child(fs, pipe):
    with fs.open("/x.txt") as file:
        pipe.send((file.read(), fs.cat_file("/x.txt"), fs.ls("/", detail=False)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this machine cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_has_a_connection_of_its_own(fs):
    fs.pipe_file("/x.txt", b"abc")
    with fs.open("/x.txt") as file:
        assert file.read() == b"abc"
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    child = context.Process(target=read_in_child, args=(fs, theirs))
    child.start()
    assert ours.poll(30)
    assert ours.recv() == (b"abc", b"abc", ["/x.txt"])
    child.join(10)
    assert fs.cat_file("/x.txt") == b"abc"


def test_a_file_can_be_the_store_of_a_mapper(fs):
    mapper = fs.get_mapper("/store")
    mapper["a/b"] = b"1"
    assert (dict(mapper), "a/b" in mapper, "c" in mapper) == ({"a/b": b"1"}, True, False)
    del mapper["a/b"]
    assert list(mapper) == []


def test_two_roots_are_two_file_systems(fs, box_environment):
    fs.pipe_file("/a/x.txt", b"1")
    below = BoxFileSystem(root_folder=fs.info("/a")["id"])
    assert below.ls("/", detail=False) == ["/x.txt"]
    with connect() as drive:
        assert drive.exists("/a/x.txt")
