"""Upload sessions: parts that go straight to their place in the file to be, and what a commit checks."""

from __future__ import annotations

import hashlib
import secrets
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store


class Progress:
    """How far a session's file has been digested."""

    def __init__(self) -> None:
        self.done = 0
        self.digest = hashlib.sha1(usedforsecurity=False)
        self.lock = threading.Lock()

    def read(self, path: str, end: int) -> None:
        """Digest the file up to `end`."""
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - the path is a string all through
            file.seek(self.done)
            while self.done < end and (data := file.read(min(1 << 20, end - self.done))):
                self.digest.update(data)
                self.done += len(data)


class Sessions:
    """Open sessions; `writing` are the ranges now under way, by session."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.writing: dict[str, set[tuple[int, int]]] = {}
        self.digests: dict[str, Progress] = {}

    def create(self, user: int, name: str, size: int, parent: int | None = None, file: int | None = None) -> Row:
        """Open a session for a new file in `parent`, or for a new version of `file`."""
        session = secrets.token_hex(16).upper()
        expires_at = self.store.now() + self.store.rules.session_lifetime
        self.store.insert(
            "sessions",
            id=session,
            user=user,
            parent=parent,
            file=file,
            name=name,
            size=size,
            expires_at=expires_at,
            part_size=self.store.rules.part_size,
            blob=self.store.blobs.new(),
        )
        row = self.store.one("SELECT * FROM sessions WHERE id = ?", session)
        assert row is not None
        return row

    def get(self, session: str, user: int) -> Row:
        """Return a session that is open; raise what Box answers about others."""
        row = self.store.one("SELECT * FROM sessions WHERE id = ?", session)
        if row is None:
            raise Problem("invalid_upload_session_id", "Upload session ID is not valid")
        if row["user"] != user:
            raise Problem("forbidden", "Forbidden")
        if row["expires_at"] <= self.store.now():
            raise Problem("session_expired", "The upload session has expired")
        return row

    def parts(self, session: str) -> list[Row]:
        """Return the parts that are stored, by offset."""
        return self.store.all("SELECT * FROM parts WHERE session = ? ORDER BY offset", session)

    def part_count(self, session: str) -> int:
        """Return how many parts are stored."""
        return int(self.store.value("SELECT COUNT(*) FROM parts WHERE session = ?", session))

    def reserve(self, session: Row, offset: int, size: int) -> None:
        """Claim a range for writing; refuse one that overlaps a part, stored or under way."""
        if session["state"] != "open":
            raise Problem("upload_failed", "The upload session has ended")
        sql = "SELECT 1 FROM parts WHERE session = ? AND offset < ? AND offset + size > ?"
        under_way = self.writing.setdefault(session["id"], set())
        overlaps = any(start < offset + size and start + length > offset for start, length in under_way)
        if overlaps or self.store.one(sql, session["id"], offset + size, offset):
            raise Problem("range_overlaps_existing_part", "Part overlaps with an already existing part")
        under_way.add((offset, size))

    def release(self, session: str, offset: int, size: int) -> None:
        """Give a range back."""
        self.writing.get(session, set()).discard((offset, size))

    def add_part(self, session: Row, offset: int, size: int, sha1: str, sha512: str) -> Row:
        """Keep a part whose bytes are in place."""
        part = secrets.token_hex(4).upper()
        self.store.insert(
            "parts", session=session["id"], offset=offset, size=size, part_id=part, sha1=sha1, sha512=sha512
        )
        row = self.store.one("SELECT * FROM parts WHERE session = ? AND offset = ?", session["id"], offset)
        assert row is not None
        return row

    def advance_digest(self, session: str, path: str, end: int) -> str:
        """Return the SHA-1 of the file's first `end` bytes; goes on from where it was before. Safe in any thread."""
        progress = self.digests.setdefault(session, Progress())
        with progress.lock:
            if progress.done < end:
                progress.read(path, end)
            return progress.digest.hexdigest()

    def is_digesting(self, session: str) -> bool:
        """Tell whether a thread is digesting the session's file right now."""
        progress = self.digests.get(session)
        return progress is not None and progress.lock.locked()

    def try_advance_digest(self, session: str, path: str, end: int) -> None:
        """Do what `advance_digest` does; nothing if the session has ended meanwhile, and its file with it."""
        with suppress(OSError):
            self.advance_digest(session, path, end)

    def contiguous(self, session: str) -> int:
        """Return how many bytes are there from the start without a gap."""
        end = 0
        for part in self.parts(session):
            if part["offset"] != end:
                break
            end += part["size"]
        return end

    def check_parts(self, session: Row, claimed: object) -> None:
        """Raise `parts_mismatch` unless the parts claimed are those stored and make the whole file."""
        stored = [(part["part_id"], part["offset"], part["size"]) for part in self.parts(session["id"])]
        listed = [part for part in claimed if isinstance(part, dict)] if isinstance(claimed, list) else []
        given = [(part.get("part_id"), part.get("offset"), part.get("size")) for part in listed]
        complete = sum(size for _, _, size in stored) == session["size"]
        if given != stored or not complete:
            raise Problem("parts_mismatch", "The list of parts does not match the parts that were uploaded")

    def finish(self, session: Row, file: Mapping[str, Any] | Row) -> None:
        """Mark a session as committed, so that the same commit again gets the same answer."""
        self.store.update("sessions", session["id"], state="committed", result=file["id"], blob="")
        self.forget(session["id"])

    def abort_expired(self) -> None:
        """End the sessions whose time is over."""
        for session in self.store.all("SELECT * FROM sessions WHERE expires_at <= ?", self.store.now()):
            self.abort(session)

    def abort(self, session: Row) -> None:
        """End a session and remove its parts."""
        self.store.run("DELETE FROM sessions WHERE id = ?", session["id"])
        self.store.run("DELETE FROM parts WHERE session = ?", session["id"])
        if session["blob"]:
            self.store.blobs.doom(session["blob"])
        self.forget(session["id"])

    def forget(self, session: str) -> None:
        """Drop what is remembered of a session in memory."""
        self.writing.pop(session, None)
        self.digests.pop(session, None)
