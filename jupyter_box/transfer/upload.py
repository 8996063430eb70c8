"""One file into Box, whole or in parts; which files and why is decided above."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from jupyter_box.errors import BoxError, Cancelled, Changed, Exists, NotFound
from jupyter_box.items import Item
from jupyter_box.session import holding, rest, waiting

from .content import Body, Content, Part, Target, UploadSession
from .hashing import new_sha1, pieces_of
from .journal import Journal, Pending, key_of
from .lanes import Gate, Lanes, Place, is_trouble
from .local import Source
from .progress import Meter
from .taken import holder

_OVERLAP = "range_overlaps_existing_part"
_OVERLAPS = 20  # looks, half a second apart, at a part that another client has under way


class Sent(NamedTuple):
    """The file that Box has now, and whether this call made it; else the same bytes were there already."""

    item: Item
    is_new: bool


def sha1_of(source: Source, check: Callable[[], None]) -> str:
    """Return the SHA-1 of the source's bytes, in hex."""
    digest = new_sha1()
    for block in source.blocks():
        digest.update(block)
        check()
    return digest.hexdigest()


class Upload:
    """One upload of one file.

    Args:
        content: Box's calls.
        gate: How much goes out at once.
        journal: Where it is written down, so that it can go on after a crash.
        source: The bytes.
        target: Where they go.
        meter: Told of every byte; says when to stop.
    """

    def __init__(
        self, content: Content, gate: Gate, journal: Journal, *, source: Source, target: Target, meter: Meter
    ) -> None:
        self._content, self._gate, self._journal = content, gate, journal
        self._source, self._target, self._meter = source, target, meter
        self._is_journaled = False
        self._check = meter.check
        self._key = self._journal_key()

    def run(self, threshold: int) -> Sent:
        """Send the file and return what is then in Box.

        Args:
            threshold: The size in bytes from which on it goes in parts.
        """
        with waiting(self._meter.wait, cancel=self._meter.cancel):
            if self._source.size < threshold:
                return self._whole()
            try:
                return self._in_parts()
            except BoxError as error:
                if error.code != "file_size_too_small":
                    raise
            return self._whole()

    def _note(self, count: int) -> None:
        self._check()
        self._meter.add(count)

    def _whole(self) -> Sent:
        sha1 = sha1_of(self._source, self._meter.check)
        self._source.check()
        tries = 0

        def begin() -> None:
            nonlocal tries
            tries += 1

        with holding(Place(self._gate, self._meter.check)):
            try:
                return Sent(self._content.send_whole(self._target, self._source, sha1, self._note, begin), is_new=True)
            except BoxError as error:
                # only an earlier try, whose reply was lost, can have made what is there
                return Sent(self._what_is_there(error, sha1), is_new=tries > 1 or is_trouble(error))

    def _what_is_there(self, error: BoxError, sha1: str = "") -> Item:
        """Return what is in Box when it is what we sent: the answer to an earlier try was lost, not the file.

        Raises:
            BoxError: The given one, if something else is there.
        """
        there = self._find(error)
        if there is None or not there.is_file or there.size != self._source.size:
            raise error
        if there.sha1 != (sha1 or sha1_of(self._source, self._meter.check)):
            raise error
        return there

    def _find(self, error: BoxError) -> Item | None:
        if not (isinstance(error, Changed | Exists) or is_trouble(error) or error.code in _ENDED):
            return None
        try:
            if self._target.file_id:
                return self._content.stat(self._target.file_id)
            if isinstance(error, Exists) and error.code == "item_name_in_use":
                return holder(self._content.session, error, self._target.folder_id, "", self._target.name)
            return self._content.named(self._target, self._source.size)
        except BoxError:
            return None

    def _in_parts(self) -> Sent:
        with self._journal.claim(self._key) as claimed:
            self._is_journaled = claimed and self._source.path is not None
            try:
                return Sent(self._twice(), is_new=True)
            except (Exists, Changed) as error:
                if error.code == "source_changed":
                    raise
                return Sent(self._what_is_there(error), is_new=False)

    def _twice(self) -> Item:
        try:
            return self._through(*self._session())
        except BoxError as error:
            if not isinstance(error, StaleSessionError) and error.code not in _ENDED:
                raise
        # Box lost the session, someone ended it, or it was of other bytes
        return self._through(*self._new_session())

    def _session(self) -> tuple[UploadSession, dict[int, Part]]:
        return (self._is_journaled and self._earlier()) or self._new_session()

    def _new_session(self) -> tuple[UploadSession, dict[int, Part]]:
        session, is_live = self._content.open_session(self._target, self._source.size)
        if self._is_journaled:
            self._journal.put(self._pending(session))
        return session, self._content.parts(session) if is_live else {}

    def _earlier(self) -> tuple[UploadSession, dict[int, Part]] | None:
        """Return the session of an earlier try of the same upload, if the file and Box still are as they were."""
        pending = self._journal.get(self._key)
        if pending is None:
            return None
        try:
            session = UploadSession.of(pending.state["session"])
            if pending.state["stamp"] != self._stamp():
                self._content.abort(session)
                return None
            return session, self._content.parts(session)
        except (BoxError, LookupError, TypeError, ValueError) as error:
            if isinstance(error, BoxError) and is_trouble(error):
                raise
            return None

    def _stamp(self) -> list[int]:
        stamp = self._source.stamp
        return [stamp.size, stamp.mtime, stamp.inode] if stamp else []

    def _pending(self, session: UploadSession) -> Pending:
        state = {"session": session.to_json(), "stamp": self._stamp()}
        identity, local = self._content.session.identity, str(self._source.path)
        return Pending(self._key, "upload", identity, local, self._target.name, self._source.size, state, 0)

    def _journal_key(self) -> str:
        source = str(self._source.path.absolute()) if self._source.path else secrets.token_hex(8)
        place = self._target.file_id or f"{self._target.folder_id}/{self._target.name}"
        return key_of("upload", self._content.session.identity, self._content.session.endpoints.api, source, place)

    def _through(self, session: UploadSession, known: dict[int, Part]) -> Item:
        try:
            item = self._fill(session, known)
        except BaseException as error:
            self._give_up(session, error)
            raise
        self._journal.drop(self._key)
        return item

    def _fill(self, session: UploadSession, known: dict[int, Part]) -> Item:
        sha1, parts = self._send_parts(session, known)
        self._source.check()
        try:
            return self._commit(session, self._target, parts, sha1)
        except BoxError as error:
            return self._what_is_there(error, sha1)

    def _send_parts(self, session: UploadSession, known: dict[int, Part]) -> tuple[str, list[Part]]:
        """Send the parts that Box has not; return the SHA-1 of the whole, and all parts in their order."""
        whole, done = new_sha1(), dict[int, Part]()
        with Lanes(self._gate, self._meter.check) as lanes:
            self._check = lanes.check
            for start, end in pieces_of(self._source.size, session.part_size):
                part = self._part(start, end, whole)
                lanes.run(self._carry, session, part, known.get(start), done)
        return whole.hexdigest(), [done[start] for start in sorted(done)]

    def _carry(self, session: UploadSession, part: Part, stored: Part | None, done: dict[int, Part]) -> None:
        done[part.offset] = self._recognised(stored, part) if stored else self._landed(session, part)

    def _part(self, start: int, end: int, whole: hashlib._Hash) -> Part:
        own = new_sha1()
        for block in self._source.blocks(start, end):
            own.update(block)
            whole.update(block)
        self._check()
        return Part(start, end - start, own.hexdigest())

    def _recognised(self, stored: Part, part: Part) -> Part:
        self._meter.add(part.size)
        return self._checked(stored, part)

    def _checked(self, stored: Part, part: Part) -> Part:
        if stored.size != part.size or (stored.sha1 and stored.sha1 != part.sha1):
            raise StaleSessionError("What Box has of an earlier upload is not of this file.")
        return replace(stored, sha1=part.sha1)

    def _landed(self, session: UploadSession, part: Part) -> Part:
        """Send a part, and return what Box has of it."""
        body = Body(self._source, part.offset, part.offset + part.size, self._note)

        def again() -> Body:
            # Box may have stored the part although its answer was an error or never came
            if body.sent == part.size:
                self._raise_if_stored(session, part)
            return body

        for _ in range(_OVERLAPS):
            try:
                landed = self._checked(self._content.send_part(session, part, self._source.size, again), part)
            except _LandedError as earlier:
                landed = earlier.part
            except BoxError as error:
                body.take_back()
                if error.code != _OVERLAP:
                    raise
                overlap = error
                rest(0.5, "Another client is sending the same part: waiting")
                continue
            self._gate.note(part.size)
            return landed
        raise overlap

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

    def _give_up(self, session: UploadSession, error: BaseException) -> None:
        """End Box's session, unless the same upload can go on later."""
        if self._is_journaled and is_trouble(error):
            return
        is_patient = not (is_trouble(error) or isinstance(error, Cancelled))
        try:
            with waiting(), suppress(NotFound):
                self._content.abort(session, is_patient=is_patient)
        except BoxError:
            return  # it stays pending, and can be ended later
        self._journal.drop(self._key)


class StaleSessionError(BoxError):
    """What Box has of an earlier upload is not what the file has now."""

    code = "stale_session"


class _LandedError(BoxError):
    """A part that we were about to send again is in Box already."""

    def __init__(self, part: Part) -> None:
        super().__init__("The part is in Box already.")
        self.part = part


_ENDED = frozenset({"session_expired", "upload_failed", "invalid_upload_session_id", "not_found"})


def with_condition(target: Target, if_match: str | None) -> Target:
    """Return the target with the etag that Box shall check, so that a repeated try never makes two versions."""
    etag = if_match or (target.existing.etag if target.existing else None)
    return replace(target, if_match=etag)
