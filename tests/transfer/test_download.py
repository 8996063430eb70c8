"""Downloads of one file, by ranges and as a stream, when all goes well and when it does not."""

from __future__ import annotations

import os
import traceback
from dataclasses import replace

import pytest

from jupyter_box.errors import BoxError, Cancelled, Changed, Corrupted, NotFound, QuotaFull, Unreachable

from .conftest import RANGE, in_thread, leftovers, sha1, waits_in_thread

BYTES_ROUTE = "^GET /d/1/"
CONTENT_ROUTE = "^GET .*/files/[0-9]+/content"
LARGE = 3 * RANGE + 17


@pytest.fixture
def upload(transfers, folder, write):
    """A file in Box of so many bytes, and its local original."""

    def upload(size: int, name: str = "data.bin", seed: int = 1, existing=None):
        path = write(f"original/{name}", size, seed)
        return transfers.upload_file(path, folder.id, name, existing=existing), path

    return upload


@pytest.mark.parametrize("size", [0, 1, 70_000, 2 * RANGE - 1, 2 * RANGE, LARGE])
def test_a_file_arrives_whole_and_has_its_time(transfers, upload, workdir, size):
    item, original = upload(size)

    saved = transfers.download_file(item, workdir / "copy.bin")

    assert sha1(saved) == sha1(original)
    assert saved.stat().st_mtime == item.content_modified.timestamp()
    assert saved.stat().st_mode & 0o777 == 0o666 & ~_umask()
    assert leftovers(workdir) == []


@pytest.mark.parametrize("size", [10, LARGE])
def test_a_long_name_of_wide_characters(transfers, folder, write, workdir, size):
    """Local file systems count bytes, of which such a character has three."""
    name = "数" * 83 + ".csv"
    item = transfers.upload_file(write("original/data.bin", size), folder.id, name)
    assert sha1(transfers.download_file(item, workdir / name)) == item.sha1


def test_what_is_there_is_replaced_and_keeps_its_mode(transfers, upload, workdir):
    item, original = upload(1000)
    (workdir / "copy.bin").write_bytes(b"old")
    (workdir / "copy.bin").chmod(0o600)

    saved = transfers.download_file(item, workdir / "copy.bin")
    assert (sha1(saved), saved.stat().st_mode & 0o777) == (sha1(original), 0o600)


def test_a_past_version(transfers, upload, workdir):
    first, original = upload(1000)
    data = original.read_bytes()
    second, _ = upload(1000, seed=2, existing=first)

    saved = transfers.download_file(second, workdir / "copy.bin", version=first.version)
    assert saved.read_bytes() == data


@pytest.mark.parametrize(
    ("start", "end"), [(0, None), (0, 10), (5, 10), (69_990, None), (69_990, 99_999), (10, 10), (80_000, None)]
)
def test_a_stream_of_a_part(transfers, upload, start, end):
    item, original = upload(70_000)
    wanted = original.read_bytes()[start:end]

    with transfers.open(item, start=start, end=end) as download:
        assert (download.size, b"".join(download)) == (len(wanted), wanted)


def test_ranges_come_side_by_side_in_their_order(box, transfers, upload):
    item, original = upload(70_000)
    data = original.read_bytes()
    ranges = [(10, 20), (0, 70_000), (5, 5), (69_999, 70_010)]
    box.control(reset_counts=True)

    assert transfers.read_ranges(item, ranges) == [data[start:end] for start, end in ranges]
    assert transfers.read_ranges(item, [(3, 5)]) == [data[3:5]]
    assert box.counts["get_files_id_content"] == 1


class TestFaults:
    @pytest.mark.parametrize("fault", ["reset_response", "truncate"])
    @pytest.mark.parametrize("size", [70_000, LARGE])
    def test_a_break_in_mid_body_goes_on_where_it_was(self, box, transfers, upload, workdir, fault, size):
        item, original = upload(size)
        box.fault(fault, BYTES_ROUTE, times=2, bytes=50_000)

        assert sha1(transfers.download_file(item, workdir / "copy.bin")) == sha1(original)

    @pytest.mark.parametrize("fault", ["reset_response", "truncate"])
    def test_a_stream_goes_on_where_it_was(self, box, transfers, upload, fault):
        item, original = upload(70_000)
        box.fault(fault, BYTES_ROUTE, times=2, bytes=20_000)

        with transfers.open(item) as download:
            assert download.read() == original.read_bytes()

    @pytest.mark.parametrize("size", [70_000, LARGE])
    def test_damage_on_the_way_is_repaired(self, box, transfers, upload, workdir, size):
        item, original = upload(size)
        box.fault("corrupt", BYTES_ROUTE, bytes=1000)

        assert sha1(transfers.download_file(item, workdir / "copy.bin")) == sha1(original)

    @pytest.mark.parametrize("size", [70_000, LARGE])
    def test_damage_that_stays_is_an_error_and_keeps_what_was_there(self, box, transfers, upload, workdir, size):
        item, _ = upload(size)
        (workdir / "copy.bin").write_bytes(b"old")
        box.fault("corrupt", BYTES_ROUTE, times=None, bytes=1000)

        with pytest.raises(Corrupted, match=r"data\.bin did not arrive whole"):
            transfers.download_file(item, workdir / "copy.bin")
        assert (workdir / "copy.bin").read_bytes() == b"old"
        assert leftovers(workdir) == []

    def test_a_wrong_sha1_from_the_server_is_an_error(self, transfers, upload, workdir, box):
        item, _ = upload(1000)
        box.fault("wrong_sha1", "^GET .*/files/[0-9]+", times=None)

        with pytest.raises(Corrupted):
            transfers.download_file(replace(item, sha1="0" * 40), workdir / "copy.bin")
        assert _names(workdir) == ["original"]

    def test_a_file_that_is_not_ready_yet(self, box, transfers, upload, workdir):
        item, original = upload(1000)
        box.fault("accepted", CONTENT_ROUTE, times=3, retry_after=0.01)

        assert sha1(transfers.download_file(item, workdir / "copy.bin")) == sha1(original)

    def test_an_address_that_runs_out_is_renewed(self, box, transfers, upload, workdir):
        item, original = upload(LARGE)
        box.fault("hold", BYTES_ROUTE, after=1)
        box.control(url_lifetime=2)
        download = in_thread(lambda: transfers.download_file(item, workdir / "copy.bin"))
        box.wait_held()
        box.control(clock_offset=5.0, url_lifetime=900.0)
        box.release()

        assert sha1(download()) == sha1(original)

    @pytest.mark.parametrize("kind", ["rate_limit", "error"])
    def test_trouble_on_every_third_request_changes_nothing(self, box, transfers, upload, workdir, kind):
        item, original = upload(LARGE)
        box.fault(kind, every=3, times=None, retry_after=0.01, status=503)

        assert sha1(transfers.download_file(item, workdir / "copy.bin")) == sha1(original)

    def test_a_new_version_meanwhile_is_taken_whole(self, transfers, upload, workdir):
        first, _ = upload(1000)
        _, newer = upload(1000, seed=2, existing=first)

        assert sha1(transfers.download_file(first, workdir / "copy.bin")) == sha1(newer)

    def test_a_file_that_is_gone(self, session, transfers, upload, workdir):
        item, _ = upload(1000)
        session.call("DELETE", f"/files/{item.id}")

        with pytest.raises(NotFound):
            transfers.download_file(item, workdir / "copy.bin")
        assert _names(workdir) == ["original"]


class TestAFileThatChangesMeanwhile:
    """What is known of it, its size and SHA-1, is of the version before."""

    SIZES = ((1000, 2000), (2000, 1000), (70_000, 1), (LARGE, LARGE + 5), (LARGE, LARGE - 5), (LARGE, 70_000))

    @pytest.mark.parametrize(("before", "after"), SIZES)
    def test_arrives_as_it_is_now(self, transfers, upload, workdir, before, after):
        item, _ = upload(before)
        _, newer = upload(after, seed=2, existing=item)

        assert sha1(transfers.download_file(item, workdir / "copy.bin")) == sha1(newer)
        assert leftovers(workdir) == []

    @pytest.mark.parametrize(("before", "after"), SIZES)
    def test_is_no_stream_of_the_wrong_bytes(self, transfers, upload, before, after):
        item, _ = upload(before)
        upload(after, seed=2, existing=item)

        with transfers.open(item) as download, pytest.raises(Changed, match="changed in Box"):
            download.read()

    @pytest.mark.parametrize(("before", "after"), SIZES)
    def test_has_no_ranges_of_the_wrong_bytes(self, transfers, upload, before, after):
        item, _ = upload(before)
        upload(after, seed=2, existing=item)

        with pytest.raises(Changed, match="changed in Box"):
            transfers.read_ranges(item, [(0, before // 2), (before // 2, before)])


def test_what_breaks_tells_nothing_of_its_address(box, transfers, upload):
    item, _ = upload(1000)
    box.fault("reset_response", BYTES_ROUTE, times=None, bytes=0)
    with transfers.open(item) as download, pytest.raises(Unreachable) as caught:
        download.read()

    told = "".join(traceback.format_exception(caught.value))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "/d/1/" not in told


class TestTheDisk:
    def test_that_has_not_the_space_is_an_error_before_a_byte_is_sent(self, box, transfers, upload, workdir):
        item, _ = upload(1000)
        box.control(reset_counts=True)
        huge = replace(item, size=1 << 60)

        with pytest.raises(QuotaFull, match=r"copy\.bin needs"):
            transfers.download_file(huge, workdir / "copy.bin")
        assert box.counts == {}
        assert leftovers(workdir) == []

    @pytest.mark.parametrize("size", [70_000, LARGE])
    def test_that_fills_up_meanwhile(self, transfers, upload, workdir, size):
        item, _ = upload(size)
        with _smallest_file(60_000), pytest.raises(BoxError, match=r"copy\.bin"):
            transfers.download_file(item, workdir / "copy.bin")
        assert _names(workdir) == ["original"]

    def test_a_target_without_a_folder(self, transfers, upload, workdir):
        item, _ = upload(1000)
        with pytest.raises(NotFound, match="not on this machine"):
            transfers.download_file(item, workdir / "no" / "copy.bin")

    def test_a_folder_of_the_name(self, transfers, upload, workdir):
        item, _ = upload(1000)
        (workdir / "copy.bin").mkdir()
        with pytest.raises(BoxError, match="is a folder"):
            transfers.download_file(item, workdir / "copy.bin")


@pytest.mark.parametrize("size", [1000, LARGE])
def test_a_cancelled_download_leaves_nothing(box, transfers, upload, workdir, size):
    item, _ = upload(size)
    box.fault("rate_limit", BYTES_ROUTE, times=None, retry_after=60)
    download, cancel = waits_in_thread(transfers.download_file, item, workdir / "copy.bin")
    cancel.set()

    with pytest.raises(Cancelled):
        download()
    assert _names(workdir) == ["original"]


def _names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


class _smallest_file:  # noqa: N801  reads as a word in a `with`
    """Lets this process write no file longer than so many bytes: the nearest to a full disk without a mount."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __enter__(self):
        import resource
        import signal

        self.signal = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        self.limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, self.limit[1]))

    def __exit__(self, *_):
        import resource
        import signal

        resource.setrlimit(resource.RLIMIT_FSIZE, self.limit)
        signal.signal(signal.SIGXFSZ, self.signal)
