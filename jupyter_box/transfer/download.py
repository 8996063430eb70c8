"""One file out of Box: a stream that goes on after a break, and a verified file on the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import requests
import urllib3

from jupyter_box.errors import BoxError, Changed, Corrupted, Denied, NotAuthorized, NotFound
from jupyter_box.items import Item
from jupyter_box.session import current_place, rest

from .content import Content
from .hashing import new_sha1
from .lanes import Gate, Lanes
from .local import BLOCK

if TYPE_CHECKING:
    from typing_extensions import Self

_TRIES = 5  # breaks in a row without a byte in between
_BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
_OUTSIDE = 416  # the range is not in the file: it has become shorter
_RUN_OUT = (NotAuthorized, Denied, NotFound)


class Address:
    """Where the bytes of one file version are: Box's pre-signed address, asked for anew when it has run out.

    Args:
        content: Box's calls.
        item: The file, with its size.
        version: The id of a past version; None for the current one.
    """

    def __init__(self, content: Content, item: Item, version: str | None) -> None:
        self._content = content
        self.item = item
        self._name = item.path or item.name
        self._asked = content.url(item.id, version)
        self._signed = ""
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """The file's bytes."""
        return self.item.size or 0

    def get(self, start: int, end: int) -> requests.Response:
        """Return the open answer with the bytes from `start` up to `end`.

        Raises:
            Changed: The file has another size by now.
        """
        headers = {} if (start, end) == (0, self.size) else {"Range": f"bytes={start}-{end - 1}"}
        answer = self._answer(headers)
        try:
            _check_place(answer, start, self.size)
        except BaseException:
            answer.close()
            raise
        return answer

    def _answer(self, headers: Mapping[str, str]) -> requests.Response:
        signed, answer = self._locate(headers)
        if answer is not None:
            return answer
        with suppress(*_RUN_OUT):
            return self._fetch(signed, headers, authorize=False)
        self._forget(signed)
        signed, answer = self._locate(headers)
        return self._fetch(signed, headers, authorize=False) if answer is None else answer

    def _locate(self, headers: Mapping[str, str]) -> tuple[str, requests.Response | None]:
        """Return the pre-signed address; or what was asked for, from a server that does not redirect."""
        with self._ours():
            if self._signed:
                return self._signed, None
            answer = self._fetch(self._asked, headers, authorize=True)
            if not answer.is_redirect:
                return "", answer
            answer.close()
            self._signed = urljoin(self._asked, answer.headers["Location"])
            return self._signed, None

    @contextmanager
    def _ours(self) -> Iterator[None]:
        """Let one thread ask for the address; those that wait for it hold up nobody else."""
        if not self._lock.acquire(blocking=False):
            current_place().give_back()
            self._lock.acquire()
        try:
            yield
        finally:
            self._lock.release()

    def _forget(self, run_out: str) -> None:
        with self._lock:
            if self._signed == run_out:
                self._signed = ""

    def _fetch(self, url: str, headers: Mapping[str, str], *, authorize: bool) -> requests.Response:
        return self._content.session.send(
            "GET",
            url,
            headers=headers,
            stream=True,
            authorize=authorize,
            kind="download",
            follow=False,
            ok=(_OUTSIDE,),
            what=self._name,
        )

    def blocks(self, start: int, end: int, check: Callable[[], None] = lambda: None) -> Iterator[bytes]:
        """Yield the bytes from `start` up to `end`; goes on where a connection breaks.

        Raises:
            BoxError: It breaks again and again.
        """
        failures = 0
        while start < end:
            check()
            broken = None
            try:
                with closing(self.get(start, end)) as answer:
                    for block in _body(answer, start, end, self.size):
                        start, failures = start + len(block), 0
                        yield block
                if start < end:
                    raise requests.ConnectionError("the answer ended early")
            except BoxError:
                raise
            except _BROKEN as error:
                # its text may hold the pre-signed address, so nothing is raised while it is being handled
                broken = self._content.session.translate(error, self._name)
            if broken is not None:
                failures += 1
                if failures == _TRIES:
                    raise broken
                current_place().shrink()
                rest(2.0**failures / 8, "The connection broke; going on where it was after")


def _body(answer: requests.Response, start: int, end: int, size: int) -> Iterator[bytes]:
    # a server that does not know ranges sends all of it
    is_all = answer.status_code == 200
    skip, left = start if is_all else 0, end - start
    blocks = answer.iter_content(BLOCK)
    for block in blocks:
        wanted = block[skip : skip + left] if skip or len(block) > left else block
        is_more = len(block) - skip > left
        skip = max(0, skip - len(block))
        left -= len(wanted)
        if not left and is_all and end == size and (is_more or next(blocks, b"")):
            raise _changed()
        if wanted:
            yield wanted
        if not left:
            return


def _check_place(answer: requests.Response, start: int, size: int) -> None:
    """Do nothing if an answer's headers are of the file as we know it."""
    place, length = answer.headers.get("Content-Range", ""), answer.headers.get("Content-Length", "")
    first, _, total = place.removeprefix("bytes ").partition("/")
    is_elsewhere = bool(place) and (first.partition("-")[0] != str(start) or total not in {str(size), "*"})
    is_other = length.isdigit() and int(length) != size and "Content-Encoding" not in answer.headers
    status = answer.status_code
    if status == _OUTSIDE or (status == 206 and is_elsewhere) or (status == 200 and is_other):
        raise _changed()


def _changed() -> Changed:
    return Changed("The file changed in Box while it was being downloaded.", hint="Download it again.")


class Download:
    """The bytes of a file, or of a part of it, as blocks; a context manager.

    Attributes:
        size: How many bytes come.
        headers: What an HTTP answer with them can say: `Content-Length`, `ETag`.
    """

    def __init__(self, address: Address, start: int, end: int) -> None:
        sha1 = address.item.sha1
        self.size = max(0, end - start)
        self.headers = {"Content-Length": str(self.size)} | ({"ETag": f'"{sha1}"'} if sha1 else {})
        self._blocks = address.blocks(start, end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        return self._blocks

    def read(self) -> bytes:
        """Return all the bytes that have not come yet."""
        return b"".join(self._blocks)

    def close(self) -> None:
        """Let go of the connection."""
        self._blocks.close()  # type: ignore[attr-defined]


def read_ranges(address: Address, gate: Gate, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    """Return the bytes of several ranges, fetched side by side."""
    found = [b""] * len(ranges)

    def fetch(place: int, start: int, end: int) -> None:
        with Download(address, start, end) as download:
            found[place] = download.read()

    with Lanes(gate, lambda: None) as lanes:
        for place, (start, end) in enumerate(ranges):
            first, last = max(0, start), min(end, address.size)
            if first < last:
                lanes.run(fetch, place, first, last)
    return found


def verify(item: Item, sha1: str) -> None:
    """Do nothing if the bytes that came are those that Box has.

    Raises:
        Corrupted: They are not.
    """
    if item.sha1 and sha1 != item.sha1:
        raise Corrupted(
            f"{item.path or item.name} did not arrive whole: its SHA-1 is {sha1}, in Box it is {item.sha1}.",
            hint="Nothing of it was kept; download it again.",
        )


def verify_bytes(item: Item, data: bytes) -> None:
    """Do what `verify` does, with the bytes themselves."""
    digest = new_sha1()
    digest.update(data)
    verify(item, digest.hexdigest())
