"""What can go wrong, in words a person can act on; translating Box's errors into these is `session`'s work.

BoxError                      502  the root
├── NotConfigured             503  no credentials, or half of them
├── NotAuthorized             401  the token, the app or the clock is refused   (also PermissionError)
├── Denied                    403  role, scope or lock forbids it               (also PermissionError)
├── NotFound                  404  not there, in the trash, or not shared       (also FileNotFoundError)
├── Exists                    409  the name is taken                            (also FileExistsError)
├── Changed                   412  someone else's version came first
├── TooLarge                  413  over Box's size limit
├── QuotaFull                 507  the storage is full
├── InvalidName               400  a name or argument that Box refuses          (also ValueError)
├── Busy                      503  Box moves that folder, or throttles us
├── Corrupted                 502  the SHA-1 differs after a transfer           (also OSError)
├── Cancelled                 499  stopped by the caller
└── Unreachable               504  no answer                                    (also ConnectionError)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class BoxError(Exception):
    """Something that Box or the way to it refused.

    Args:
        message: One sentence that names the thing.
        hint: One sentence that names the way out.
        code: Box's own error code where there is one, else ours; stable, for programs to branch on.
        request_id: Box's request id, for its support.
        retry_after: Seconds after which another try makes sense.
        item_id: The id of the Box item concerned, e.g. what already has the name.
    """

    code = "box_error"
    status = 502

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
        item_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code or type(self).code
        self.request_id = request_id
        self.retry_after = retry_after
        self.item_id = item_id

    def __str__(self) -> str:
        """Return the sentence and the way out, as one line."""
        return f"{self.message} {self.hint}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by attributes, so that an error crosses processes whole."""
        return _rebuild, (type(self), self.message, self.details())

    def details(self) -> dict[str, Any]:
        """Return everything but the message, as keyword arguments of the constructor."""
        return {
            "hint": self.hint,
            "code": self.code,
            "request_id": self.request_id,
            "retry_after": self.retry_after,
            "item_id": self.item_id,
        }

    def to_dict(self) -> dict[str, str | None]:
        """Return the JSON body that the REST face answers with."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "request_id": self.request_id}


def of_dict(body: Mapping[str, Any], status: int, *, retry_after: float | None = None) -> BoxError:
    """Return the error that another part of ours answered with, as `to_dict` wrote it.

    Args:
        body: The JSON.
        status: The HTTP status; it chooses the class where the code is not a class's own.
        retry_after: Seconds after which another try makes sense.
    """
    words = {name: str(body.get(name) or "") for name in ("message", "hint", "code", "request_id")}
    kind = _kind_of(words["code"], status, is_passing=retry_after is not None)
    return kind(words.pop("message"), **words, retry_after=retry_after)


def is_ours(body: Mapping[str, Any] | None) -> bool:
    """Tell whether an answer's JSON is an error of ours; Box's have no `hint`, and neither have the Hub's."""
    return bool(body and body.get("message") and body.get("code") and "hint" in body)


def _kind_of(code: str, status: int, *, is_passing: bool) -> type[BoxError]:
    kinds = _all_kinds(BoxError)
    same = [kind for kind in kinds if kind.code == code] or [kind for kind in kinds if kind.status == status]
    passing = status in (429, 503) and is_passing and not (same and same[0].code == code)
    return Busy if passing else same[0] if same else BoxError


def _all_kinds(cls: type[BoxError]) -> list[type[BoxError]]:
    return [kind for sub in cls.__subclasses__() for kind in (sub, *_all_kinds(sub))]


def _rebuild(cls: type[BoxError], message: str, details: dict[str, Any]) -> BoxError:
    return cls(message, **details)


class NotConfigured(BoxError):  # noqa: N818  names are fixed by the design
    """There are no credentials, or only half of them."""

    code = "not_configured"
    status = 503


class NotAuthorized(BoxError, PermissionError):  # noqa: N818
    """The token is refused: wrong secret, an app without the administrator's authorisation, or a wrong clock."""

    code = "not_authorized"
    status = 401


class Denied(BoxError, PermissionError):  # noqa: N818
    """We are known, but the role, the scope or a lock forbids it."""

    code = "denied"
    status = 403


class NotFound(BoxError, FileNotFoundError):  # noqa: N818
    """It is not there, in the trash, or not shared with us."""

    code = "not_found"
    status = 404


class Exists(BoxError, FileExistsError):  # noqa: N818
    """The name is taken; `item_id` tells by what."""

    code = "exists"
    status = 409


class Changed(BoxError):  # noqa: N818
    """Someone else's version came first."""

    code = "changed"
    status = 412


class TooLarge(BoxError):  # noqa: N818
    """The file is over the size that Box's plan allows."""

    code = "too_large"
    status = 413


class QuotaFull(BoxError):  # noqa: N818
    """The storage in Box is full."""

    code = "quota_full"
    status = 507


class InvalidName(BoxError, ValueError):  # noqa: N818
    """A name, path or argument that Box refuses."""

    code = "invalid_name"
    status = 400


class Busy(BoxError):  # noqa: N818
    """Box is moving that folder, or still throttles us after all retries."""

    code = "busy"
    status = 503


class Corrupted(BoxError, OSError):  # noqa: N818
    """The SHA-1 differs after a transfer; nothing of it was kept."""

    code = "corrupted"
    status = 502


class Cancelled(BoxError):  # noqa: N818
    """The caller stopped the work; nothing half-done was kept."""

    code = "cancelled"
    status = 499


class Unreachable(BoxError, ConnectionError):  # noqa: N818
    """Box did not answer."""

    code = "unreachable"
    status = 504
