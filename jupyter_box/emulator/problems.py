"""What the emulator refuses, in Box's codes; the HTTP status and the JSON envelope are chosen elsewhere."""

from __future__ import annotations

from typing import Any


class Problem(Exception):  # noqa: N818 - it is an answer of the API, not a failure of the emulator
    """A refusal with Box's `code`, a sentence, and what Box puts in `context_info`.

    `status` is for a code that Box answers with several.
    """

    def __init__(self, code: str, message: str | None = None, *, status: int | None = None, **context: Any) -> None:
        super().__init__(message or code)
        self.code = code
        self.message = message
        self.status = status
        self.context = context


class GrantProblem(Exception):  # noqa: N818 - as above
    """A refusal of the token endpoint, which has an error shape of its own (RFC 6749, section 5.2)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


def not_found() -> Problem:
    """Return the answer for what is not there, or not for the caller to see."""
    return Problem("not_found", "Not Found")


def invalid(name: str, reason: str = "invalid_parameter", message: str | None = None) -> Problem:
    """Return the answer for a field or parameter `name` that is missing or wrong."""
    text = message or f"Invalid value for '{name}'."
    return Problem("bad_request", "Bad Request", errors=[{"reason": reason, "name": name, "message": text}])


def denied() -> Problem:
    """Return the answer for someone who may see the item, but not do this to it."""
    return Problem("access_denied_insufficient_permissions", "Access denied - insufficient permission")


def out_of_scope() -> Problem:
    """Return the answer for a token or an app without the scope this needs."""
    return Problem("insufficient_scope", "The request requires higher privileges than provided by the access token.")
