"""One file into Box, whole or in parts; which files and why is decided above."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from jupyter_box.errors import BoxError, Changed, Exists
from jupyter_box.items import Item
from jupyter_box.session import waiting

from .content import Body, Content, Part, Target, UploadSession
from .lanes import Gate, Lanes, is_trouble
from .local import Source
from .progress import Meter

_OVERLAP = "range_overlaps_existing_part"
_OVERLAPS = 20  # looks, half a second apart, at a part that another client has under way


def sha1_of(source: Source, check: Callable[[], None]) -> str:
    """Return the SHA-1 of the source's bytes, in hex."""
    digest = _sha1()
    for block in source.blocks():
        digest.update(block)
        check()
    return digest.hexdigest()


class Upload:
    """One upload of one file.

    Args:
        content: Box's calls.
        gate: How much goes out at once.
        source: The bytes.
        target: Where they go.
        meter: Told of every byte; says when to stop.
    """

    def __init__(self, content: Content, gate: Gate, source: Source, target: Target, meter: Meter) -> None:
        self._content, self._gate, self._source, self._target, self._meter = content, gate, source, target, meter

    def run(self, threshold: int) -> Item:
        """Send the file and return what Box made of it.

        Args:
            threshold: The size in bytes from which on it goes in parts.
        """
        with waiting(self._wait, cancel=self._meter.cancel):
            return self._in_parts() if self._source.size >= threshold else self._whole()

    def _wait(self, seconds: float, reason: str) -> None:
        self._gate.shrink()
        self._meter.wait(seconds, reason)

    def _note(self, count: int) -> None:
        self._meter.check()
        self._meter.add(count)
        self._gate.note(max(0, count))

    def _whole(self) -> Item:
        sha1 = sha1_of(self._source, self._meter.check)
        self._source.check()
        self._gate.enter(self._meter.check)
        try:
            return self._content.send_whole(self._target, self._source, sha1, self._note)
        except BoxError as error:
            return self._what_is_there(error, sha1)
        finally:
            self._gate.leave()

    def _what_is_there(self, error: BoxError, sha1: str) -> Item:
        """Return what is in Box when it is what we sent: the answer to an earlier try was lost, not the file.

        Raises:
            BoxError: The given one, if something else is there.
        """
        there = self._find(error)
        if there is None or there.sha1 != sha1:
            raise error
        return there

    def _find(self, error: BoxError) -> Item | None:
        if not (isinstance(error, Changed | Exists) or is_trouble(error) or error.code in _ENDED):
            return None
        try:
            if self._target.file_id:
                return self._content.stat(self._target.file_id)
            return self._content.named(self._target, self._source.size)
        except BoxError:
            return None

    def _in_parts(self) -> Item:
        session = self._content.open_session(self._target, self._source.size)
        try:
            return self._fill(session)
        except BaseException as error:
            self._give_up(session, error)
            raise

    def _fill(self, session: UploadSession) -> Item:
        sha1, parts = self._send_parts(session, self._content.parts(session))
        self._source.check()
        try:
            return self._commit(session, self._target, parts, sha1)
        except BoxError as error:
            return self._what_is_there(error, sha1)

    def _send_parts(self, session: UploadSession, known: dict[int, Part]) -> tuple[str, list[Part]]:
        whole, done = _sha1(), dict[int, Part]()
        size = self._source.size
        with Lanes(self._gate, self._meter.check) as lanes:
            for offset in range(0, size, session.part_size):
                part = self._hash_part(offset, min(session.part_size, size - offset), whole)
                lanes.check()
                if offset in known:
                    done[offset] = self._recognise(known[offset], part)
                else:
                    lanes.run(self._land, session, part, done)
        return whole.hexdigest(), [done[offset] for offset in sorted(done)]

    def _hash_part(self, offset: int, size: int, whole: hashlib._Hash) -> Part:
        own = _sha1()
        for block in self._source.blocks(offset, offset + size):
            own.update(block)
            whole.update(block)
        return Part(offset, size, own.hexdigest())

    def _recognise(self, stored: Part, part: Part) -> Part:
        self._meter.add(part.size)
        return self._checked(stored, part)

    def _checked(self, stored: Part, part: Part) -> Part:
        if stored.size != part.size or (stored.sha1 and stored.sha1 != part.sha1):
            raise StaleSessionError("What Box has of an earlier upload is not of this file.")
        return stored

    def _land(self, session: UploadSession, part: Part, done: dict[int, Part]) -> None:
        body = Body(self._source, part.offset, part.offset + part.size, self._note)

        def again() -> Body:
            # Box may have stored the part although its answer was an error or never came
            if body.sent == part.size:
                self._raise_if_stored(session, part)
            return body

        for tries_left in reversed(range(_OVERLAPS)):
            try:
                done[part.offset] = self._content.send_part(session, part, self._source.size, again)
            except _LandedError as landed:
                done[part.offset] = landed.part
            except BoxError as error:
                body.take_back()
                if error.code != _OVERLAP or not tries_left:
                    raise
                self._pause(0.5, "Another client is sending the same part")
                continue
            return

    def _raise_if_stored(self, session: UploadSession, part: Part) -> None:
        stored = self._content.parts(session).get(part.offset)
        if stored is not None:
            raise _LandedError(self._checked(stored, part))

    def _commit(self, session: UploadSession, target: Target, parts: list[Part], sha1: str) -> Item:
        try:
            return self._content.commit(session, target, parts, sha1)
        except BoxError as error:
            if error.code != "parts_mismatch":
                raise
            stored = self._content.parts(session)
            if [part.offset for part in parts] != sorted(stored) or parts == [stored[part.offset] for part in parts]:
                raise
            return self._content.commit(session, target, [stored[part.offset] for part in parts], sha1)

    def _pause(self, seconds: float, reason: str) -> None:
        self._meter.wait(seconds, reason)
        self._meter.cancel.wait(seconds)
        self._meter.check()

    def _give_up(self, session: UploadSession, error: BaseException) -> None:
        """End Box's session, unless the upload can go on later."""
        if isinstance(error, BoxError) and is_trouble(error):
            return
        try:
            self._content.abort(session)
        except BoxError:
            return


class StaleSessionError(BoxError):
    """What Box has of an earlier upload is not what the file has now."""

    code = "stale_session"


class _LandedError(BoxError):
    """A part that we were about to send again is in Box already."""

    def __init__(self, part: Part) -> None:
        super().__init__("The part is in Box already.")
        self.part = part


_ENDED = frozenset({"session_expired", "upload_failed", "invalid_upload_session_id", "not_found"})


def _sha1() -> hashlib._Hash:
    return hashlib.sha1(usedforsecurity=False)


def with_condition(target: Target, if_match: str | None) -> Target:
    """Return the target with the etag that Box shall check, so that a repeated try never makes two versions."""
    etag = if_match or (target.existing.etag if target.existing else None)
    return replace(target, if_match=etag)
