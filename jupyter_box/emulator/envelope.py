"""Every error leaves through here: Box's codes, their HTTP status, and the one JSON shape they have."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.messages import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_box.emulator.problems import GrantProblem, Problem

STATUS = {
    "unauthorized": 401,
    "bad_request": 400,
    "missing_parameter": 400,
    "invalid_parameter": 400,
    "item_name_invalid": 400,
    "item_name_too_long": 400,
    "folder_not_empty": 400,
    "cyclical_folder_structure": 400,
    "cannot_make_collaborated_subfolder_private": 400,
    "metadata_after_file_contents": 400,
    "bad_digest": 400,
    "digest_mismatch": 400,
    "schema_validation_failed": 400,
    "zip_download_file_count_exceeded_limit": 400,
    "zip_download_pre_compressed_bytes_exceeded_limit": 400,
    "parts_mismatch": 400,
    "file_size_too_small": 400,
    "missing_destination": 400,
    "missing_file_size": 400,
    "missing_file_name": 400,
    "invalid_file_size": 400,
    "invalid_folder_id": 400,
    "invalid_upload_session_id": 400,
    "user_already_collaborator": 400,
    "collaborations_not_available_on_root_folder": 400,
    "forbidden": 403,
    "insufficient_scope": 403,
    "access_denied_insufficient_permissions": 403,
    "access_denied_item_locked": 403,
    "incorrect_shared_item_password": 403,
    "storage_limit_exceeded": 403,
    "file_size_limit_exceeded": 403,
    "not_found": 404,
    "trashed": 404,
    "not_trashed": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "item_name_in_use": 409,
    "name_temporarily_reserved": 409,
    "operation_blocked_temporary": 409,
    "range_overlaps_existing_part": 409,
    "session_conflict": 409,
    "recent_similar_comment": 409,
    "user_login_already_used": 409,
    "session_expired": 410,
    "upload_failed": 410,
    "length_required": 411,
    "precondition_failed": 412,
    "range_not_satisfiable": 416,
    "rate_limit_exceeded": 429,
    "user_too_many_concurrent_downloads": 429,
    "enterprise_too_many_concurrent_downloads": 429,
    "internal_server_error": 500,
    "not_implemented": 501,
    "bad_gateway": 502,
    "unavailable": 503,
    "gateway_timeout": 504,
}
BY_STATUS = {
    429: "rate_limit_exceeded",
    500: "internal_server_error",
    502: "bad_gateway",
    503: "unavailable",
    504: "gateway_timeout",
}
HELP_URL = "https://developer.box.com/guides/api-calls/permissions-and-errors/common-errors/"


def error(
    status: int,
    code: str,
    message: str,
    context: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return Box's error envelope."""
    body: dict[str, Any] = {
        "type": "error",
        "status": status,
        "code": code,
        "help_url": HELP_URL,
        "message": message,
        "request_id": secrets.token_hex(8),
    }
    if context:
        body["context_info"] = dict(context)
    return Response(status, body, headers or {})


def of_problem(problem: Problem) -> Response:
    """Return the answer for a refusal."""
    if problem.code == "unauthorized":
        return unauthorized(problem.context.get("reason", "invalid_token"))
    status = problem.status or STATUS.get(problem.code, 400)
    headers = {"Retry-After": str(problem.context["retry_after"])} if "retry_after" in problem.context else {}
    context = {key: value for key, value in problem.context.items() if key != "retry_after"}
    return error(status, problem.code, problem.message or problem.code, context, headers)


def unauthorized(reason: str) -> Response:
    """Return Box's answer to a missing, unknown or expired token: no body, all in one header."""
    text = "expired_token: The access token expired" if reason == "expired" else "The access token provided is invalid."
    value = f'Bearer realm="Service", error="invalid_token", error_description="{text}"'
    return Response(401, headers={"WWW-Authenticate": value}, content=b"")


def of_grant_problem(problem: GrantProblem) -> Response:
    """Return the token endpoint's own error shape."""
    return Response(
        400, {"error": problem.error, "error_description": problem.description}, {"Cache-Control": "no-store"}
    )
