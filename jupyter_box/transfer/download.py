"""One file out of Box: a stream that goes on after a break, and a verified file on the disk."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING

import requests
import urllib3

from jupyter_box.errors import BoxError, Changed, Corrupted, Denied, NotAuthorized, NotFound
from jupyter_box.items import Item

from .content import Content
from .local import BLOCK

if TYPE_CHECKING:
    from typing_extensions import Self

_TRIES = 5  # breaks in a row without a byte in between
_BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
_RUN_OUT = (NotAuthorized, Denied, NotFound)


class Address:
    """Where the bytes of one file version are: Box's pre-signed address, asked for anew when it has run out.

    Args:
        content: Box's calls.
        item: The file.
        version: The id of a past version; None for the current one.
    """

    def __init__(self, content: Content, item: Item, version: str | None) -> None:
        self._content = content
        self._name = item.path or item.name
        self._asked = content.url(item.id, version)
        self._signed = ""
        self._lock = threading.Lock()

    def get(self, start: int, end: int | None, size: int | None) -> requests.Response:
        """Return the open answer with the bytes from `start` up to `end`."""
        headers = _range(start, end, size)
        signed = self._signed
        if signed:
            try:
                return self._fetch(signed, headers, authorize=False)
            except _RUN_OUT:
                signed = self._renew(signed)
        return self._first(headers)

    def _renew(self, run_out: str) -> str:
        with self._lock:
            if self._signed == run_out:
                self._signed = ""
            return self._signed

    def _first(self, headers: Mapping[str, str]) -> requests.Response:
        with self._lock:
            if not self._signed:
                answer = self._fetch(self._asked, headers, authorize=True)
                if not answer.is_redirect:
                    return answer
                answer.close()
                self._signed = answer.headers["Location"]
            signed = self._signed
        return self._fetch(signed, headers, authorize=False)

    def _fetch(self, url: str, headers: Mapping[str, str], *, authorize: bool) -> requests.Response:
        return self._content.session.send(
            "GET",
            url,
            headers=headers,
            stream=True,
            authorize=authorize,
            kind="download",
            follow=False,
            what=self._name,
        )

    def blocks(
        self, start: int, end: int, size: int, check: Callable[[], None], pause: Callable[[float, str], None]
    ) -> Iterator[bytes]:
        """Yield the bytes from `start` up to `end`; goes on where a connection breaks.

        Raises:
            BoxError: It breaks again and again.
        """
        failures = 0
        while start < end:
            check()
            try:
                with closing(self.get(start, end, size)) as answer:
                    for block in _body(answer, start, end, size):
                        start, failures = start + len(block), 0
                        yield block
                if start < end:
                    raise requests.ConnectionError("the answer ended early")
            except BoxError:
                raise
            except _BROKEN as error:
                failures += 1
                if failures == _TRIES:
                    raise self._content.session.translate(error, self._name) from error
                pause(2.0**failures / 8, "The connection broke; going on where it was")


def _range(start: int, end: int | None, size: int | None) -> dict[str, str]:
    if start == 0 and (end is None or end == size):
        return {}
    return {"Range": f"bytes={start}-{'' if end is None else end - 1}"}


def _body(answer: requests.Response, start: int, end: int, size: int) -> Iterator[bytes]:
    _check_place(answer, start, size)
    # a server that does not know ranges sends all of it
    skip = start if answer.status_code == 200 else 0
    left = end - start
    for block in answer.iter_content(BLOCK):
        wanted = block[skip : skip + left] if skip or len(block) > left else block
        skip = max(0, skip - len(block))
        left -= len(wanted)
        if wanted:
            yield wanted
        if not left:
            return


def _check_place(answer: requests.Response, start: int, size: int) -> None:
    place = answer.headers.get("Content-Range", "")
    first, _, total = place.removeprefix("bytes ").partition("/")
    if answer.status_code == 206 and place and (first.partition("-")[0] != str(start) or total not in {str(size), "*"}):
        raise Changed("The file changed in Box while it was being downloaded.", hint="Download it again.")


class Download:
    """The bytes of a file, or of a part of it, as blocks; a context manager.

    Attributes:
        size: How many bytes come.
        headers: What an HTTP answer with them can say: `Content-Length`, `ETag`.
    """

    def __init__(self, address: Address, item: Item, start: int, end: int) -> None:
        self.size = max(0, end - start)
        self.headers = {"Content-Length": str(self.size)} | ({"ETag": f'"{item.sha1}"'} if item.sha1 else {})
        self._stop = threading.Event()
        self._blocks = address.blocks(start, end, item.size or 0, lambda: None, lambda wait, _: self._pause(wait))

    def _pause(self, seconds: float) -> None:
        self._stop.wait(seconds)

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
        self._stop.set()
        self._blocks.close()  # type: ignore[attr-defined]


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


def new_sha1() -> hashlib._Hash:
    """Return an empty SHA-1, Box's content hash."""
    return hashlib.sha1(usedforsecurity=False)
