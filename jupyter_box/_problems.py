"""What Box and the network answer when something is wrong, translated into our errors by one table."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions as wire

from .errors import (
    BoxError,
    Busy,
    Changed,
    Corrupted,
    Denied,
    Exists,
    InvalidName,
    NotAuthorized,
    NotFound,
    QuotaFull,
    TooLarge,
    Unreachable,
    is_ours,
    of_dict,
)

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """Our error for one of Box's codes; `{what}` stands for the thing, `{says}` for Box's own sentence."""

    error: type[BoxError]
    message: str
    hint: str = ""


_ASK_ADMIN = "A Box administrator can change that in the Admin Console."
_START_AGAIN = "Start the upload again."
_TRY_LATER = "Try again in a minute."

BY_CODE: dict[str, Row] = {
    "not_found": Row(NotFound, "{what} is not in Box.", "It may be gone, or it is not shared with us."),
    "trashed": Row(NotFound, "{what} is in Box's trash.", "Restore it from the trash first."),
    "insufficient_scope": Row(
        Denied,
        "Our token lacks the scope for this on {what}.",
        "Give the app the scope in Box's developer console, then let a Box administrator authorise it again.",
    ),
    "access_denied_insufficient_permissions": Row(
        Denied, "Our role on {what} does not allow this.", "Ask its owner for a role that does, e.g. editor."
    ),
    "access_denied_item_locked": Row(Denied, "{what} is locked.", "Who locked it can unlock it, and so can its owner."),
    "access_from_location_blocked": Row(Denied, "Box blocks access to {what} from this network.", _ASK_ADMIN),
    "forbidden": Row(Denied, "Box forbids this on {what}.", "Ask its owner for access."),
    "forbidden_by_policy": Row(Denied, "A policy of the Box enterprise forbids this on {what}.", _ASK_ADMIN),
    "cannot_make_collaborated_subfolder_private": Row(
        Denied, "{what} is inside a shared folder and cannot be made private.", "Change the sharing of its parent."
    ),
    "terms_of_service_required": Row(
        Denied, "The Box user has to accept the enterprise's terms of service.", "Sign in to Box once and accept them."
    ),
    "user_email_confirmation_required": Row(
        Denied, "The Box user's e-mail address is not confirmed.", "Sign in to Box once and confirm it."
    ),
    "storage_limit_exceeded": Row(
        QuotaFull, "There is no space left in Box for {what}.", "Empty the trash, or ask a Box administrator for space."
    ),
    "file_size_limit_exceeded": Row(
        TooLarge, "{what} is larger than the Box account allows.", "Split it, or ask a Box administrator."
    ),
    "item_name_in_use": Row(Exists, "{what} is already in Box.", "Choose another name, or write a new version."),
    "user_already_collaborator": Row(Exists, "They already work together on {what}.", "Change the role instead."),
    "conflict": Row(Exists, "{what} already exists in Box."),
    "recent_similar_comment": Row(Exists, "{what} already has this comment."),
    "session_conflict": Row(Exists, "An upload of {what} is already under way.", "Let it finish, or abort it."),
    "range_overlaps_existing_part": Row(Exists, "Box already has this part of {what}."),
    "folder_not_empty": Row(Exists, "{what} is not empty.", "Remove it with all that is in it, or empty it first."),
    "operation_blocked_temporary": Row(
        Busy, "Box is still moving, copying or deleting a folder that {what} is in.", _TRY_LATER
    ),
    "name_temporarily_reserved": Row(Busy, "Another request holds the name of {what} just now.", _TRY_LATER),
    "parts_mismatch": Row(Corrupted, "Box misses parts of {what}.", _START_AGAIN),
    "rate_limit_exceeded": Row(
        Busy, "Box still throttles us after all retries.", "Do less at once, or lower BOX_RATE_LIMIT."
    ),
    "user_too_many_concurrent_downloads": Row(
        Busy, "Too many archives are being downloaded by this Box user.", "Wait until one of them is finished."
    ),
    "enterprise_too_many_concurrent_downloads": Row(
        Busy, "Too many archives are being downloaded in this Box enterprise.", "Wait until one of them is finished."
    ),
    "precondition_failed": Row(Changed, "{what} has changed in Box since it was read.", "Read it again, then decide."),
    "sync_item_precondition_failed": Row(
        Changed, "{what} has changed in Box since it was read.", "Read it again, then decide."
    ),
    "item_name_invalid": Row(
        InvalidName,
        "Box does not allow the name of {what}.",
        "A name has no / or \\, is not . or .., and ends with no space.",
    ),
    "item_name_too_long": Row(InvalidName, "The name of {what} is too long.", "Box allows 255 characters."),
    "bad_digest": Row(Corrupted, "{what} changed on its way to Box.", _START_AGAIN),
    "digest_mismatch": Row(Corrupted, "{what} changed on its way to Box.", _START_AGAIN),
    "file_size_too_small": Row(InvalidName, "{what} is too small for an upload in parts."),
    "cyclical_folder_structure": Row(
        InvalidName, "{what} cannot go into itself or a folder below it.", "Choose another target folder."
    ),
    "session_expired": Row(NotFound, "The upload of {what} was begun too long ago.", _START_AGAIN),
    "invalid_upload_session_id": Row(NotFound, "Box no longer knows the upload of {what}.", _START_AGAIN),
    "upload_failed": Row(BoxError, "Box gave up the upload of {what}.", _START_AGAIN),
    "unauthorized": Row(NotAuthorized, "Box does not accept our token.", "Check the credentials and the clock."),
}

BY_STATUS: dict[int, Row] = {
    400: Row(InvalidName, "Box refuses the request for {what}: {says}"),
    401: BY_CODE["unauthorized"],
    403: BY_CODE["forbidden"],
    404: BY_CODE["not_found"],
    405: Row(Denied, "Box does not offer this for {what}."),
    409: BY_CODE["conflict"],
    410: BY_CODE["session_expired"],
    411: Row(InvalidName, "Box wants to know the size of {what} first.", "Save it to a file, then upload that."),
    412: BY_CODE["precondition_failed"],
    413: BY_CODE["file_size_limit_exceeded"],
    415: Row(InvalidName, "Box does not take this kind of content for {what}: {says}"),
    416: Row(InvalidName, "This range is outside of {what}."),
    423: BY_CODE["access_denied_item_locked"],
    429: BY_CODE["rate_limit_exceeded"],
    500: Row(BoxError, "Box had an internal error with {what}.", _TRY_LATER),
    501: Row(BoxError, "{what}: this is not offered here: {says}"),
    502: Row(Unreachable, "A gateway on the way to Box failed.", _TRY_LATER),
    503: Row(Busy, "Box is not available for {what} just now.", _TRY_LATER),
    504: Row(Unreachable, "Box took too long with {what}.", _TRY_LATER),
    507: BY_CODE["storage_limit_exceeded"],
}

_OTHERWISE = Row(BoxError, "Box refuses the request for {what}: {says}")
_NOT_BOX = Row(
    Unreachable,
    "Something that is not Box answered for {host}: a proxy, a firewall or a sign-in page.",
    "Check the addresses (BOX_URL) and the proxy (HTTPS_PROXY, NO_PROXY).",
)


def refusal(response: requests.Response, what: str = "") -> BoxError:
    """Return our error for an answer of Box that is none of success; it reads the body."""
    body = json_of(response)
    if body is None and "html" in response.headers.get("Content-Type", "") and response.status_code != 429:
        return Unreachable(_NOT_BOX.message.format(host=host_of(response.url)), hint=_NOT_BOX.hint, code="not_box")
    body = body or {}
    if is_ours(body):
        return of_dict(body, response.status_code, retry_after=retry_after(response))
    code, row = _row(response.status_code, body)
    sentence = row.message.format(what=what or "The item", says=_says(body) or f"HTTP {response.status_code}.")
    return row.error(
        sentence,
        hint=row.hint,
        code=code or None,
        request_id=body.get("request_id") or response.headers.get("box-request-id"),
        retry_after=retry_after(response),
        item_id=conflict_of(body),
    )


def code_of(response: requests.Response) -> str:
    """Return Box's error code of an answer, or nothing where it tells none."""
    return _row(response.status_code, json_of(response) or {})[0]


def _row(status: int, body: Json) -> tuple[str, Row]:
    codes = [str(body.get("code") or ""), *(str(e.get("reason") or "") for e in _errors(body))]
    known = next((code for code in codes if code in BY_CODE), None)
    if known:
        return known, BY_CODE[known]
    return codes[0], BY_STATUS.get(status) or BY_STATUS.get(status // 100 * 100) or _OTHERWISE


def _errors(body: Json) -> list[Json]:
    context = body.get("context_info")
    errors = context.get("errors") if isinstance(context, dict) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _says(body: Json) -> str:
    told = [str(e.get("message") or e.get("reason") or "") for e in _errors(body)] or [str(body.get("message") or "")]
    text = " ".join(" ".join(told).split())[:300]
    return text if not text or text.endswith(".") else f"{text}."


def conflict_of(body: Json) -> str | None:
    """Return the id of the item in the way; Box names it in a list for folders and as an object for files."""
    context = body.get("context_info")
    conflicts = context.get("conflicts") if isinstance(context, dict) else None
    first = conflicts[0] if isinstance(conflicts, list) and conflicts else conflicts
    return str(first["id"]) if isinstance(first, dict) and first.get("id") else None


def json_of(response: requests.Response) -> dict[str, Any] | None:
    """Return an answer's body where it is a JSON object, else None."""
    try:
        value = json.loads(response.content)
    except (ValueError, requests.RequestException, wire.HTTPError):
        return None
    return value if isinstance(value, dict) else None


def retry_after(response: requests.Response) -> float | None:
    """Return the seconds of a `Retry-After` header, which is a number or a date by the server's own clock."""
    text = response.headers.get("Retry-After")
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        then, now = _date(text), _date(response.headers.get("Date"))
        return max(0.0, then - now) if then is not None and now is not None else None


def _date(text: str | None) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except ValueError:
        return None


def server_time(response: requests.Response) -> float | None:
    """Return the server's clock at this answer, in seconds since 1970, where it tells it."""
    return _date(response.headers.get("Date"))


def host_of(url: str | None) -> str:
    """Return the host of an address, without a user, a path or a query, which may hold secrets."""
    parts = urlsplit(url or "")
    return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or "Box"


@dataclass(frozen=True, slots=True)
class Failure:
    """Our words for one way in which no answer came; `lasting` ones are not worth many tries."""

    code: str
    message: str
    hint: str
    lasting: bool = False


FAILURES: dict[str, Failure] = {
    failure.code: failure
    for failure in (
        Failure(
            "proxy_failed",
            "The proxy on the way to {host} refuses or does not answer.",
            "Check HTTPS_PROXY, and whether NO_PROXY should name the host.",
            lasting=True,
        ),
        Failure(
            "tls_failed",
            "The certificate of {host} is not trusted.",
            "If a proxy inspects the traffic, set REQUESTS_CA_BUNDLE to its certificate authority's file.",
            lasting=True,
        ),
        Failure(
            "host_not_found",
            "The name {host} cannot be found.",
            "Check the address, the network and its DNS.",
            lasting=True,
        ),
        Failure(
            "connection_refused",
            "Nothing listens at {host}, or a firewall refuses.",
            "Check the address and the firewall.",
            lasting=True,
        ),
        Failure("connect_timeout", "{host} does not take the connection.", "Check the network and the firewall."),
        Failure("timeout", "{host} did not answer in time.", "Try again; check the network if it stays so."),
        Failure("connection_lost", "The connection to {host} broke.", "Try again; check the network if it stays so."),
        Failure("bad_address", "The address of {host} is no web address.", "Check BOX_URL.", lasting=True),
    )
}


def no_answer(error: BaseException, url: str = "") -> BoxError:
    """Return our error for an exception of the network; the exception itself may hold secrets and goes no further."""
    if isinstance(error, BoxError):
        return error
    failure = FAILURES[_failure_code(error)]
    return Unreachable(failure.message.format(host=host_of(url)), hint=failure.hint, code=failure.code)


def _failure_code(error: BaseException) -> str:
    causes = list(_causes(error))
    for code, kinds in _FAILURE_KINDS:
        if any(isinstance(cause, kinds) for cause in causes):
            return code
    return "connection_lost"


_FAILURE_KINDS: tuple[tuple[str, tuple[type[BaseException], ...]], ...] = (
    ("proxy_failed", (requests.exceptions.ProxyError, requests.exceptions.InvalidProxyURL, wire.ProxyError)),
    # a name ends a TLS error's chain too, so TLS is looked at before DNS
    ("tls_failed", (ssl.SSLCertVerificationError,)),
    ("host_not_found", (wire.NameResolutionError, socket.gaierror)),
    ("connection_refused", (ConnectionRefusedError,)),
    ("connect_timeout", (requests.exceptions.ConnectTimeout, wire.ConnectTimeoutError)),
    ("timeout", (requests.exceptions.ReadTimeout, wire.ReadTimeoutError, TimeoutError)),
    (
        "connection_lost",
        (ConnectionError, wire.ProtocolError, http.client.HTTPException, requests.exceptions.ChunkedEncodingError),
    ),
    ("bad_address", (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema, wire.LocationParseError)),
    ("tls_failed", (requests.exceptions.SSLError, wire.SSLError, ssl.SSLError)),
)


def _causes(error: BaseException) -> Any:
    """Yield an exception and what is packed in it: requests and urllib3 nest by argument, `reason` and cause."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
        waiting.extend(cause for cause in inner if isinstance(cause, BaseException))
