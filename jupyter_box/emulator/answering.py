"""Between shell and views: faults before and after a view, its transaction, long polls, bodies, CORS."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from jupyter_box.emulator import envelope, pages
from jupyter_box.emulator.messages import FileSlice, LongPoll, Request, Response
from jupyter_box.emulator.problems import GrantProblem, Problem
from jupyter_box.emulator.receiving import Memory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_box.emulator.faults import Rule
    from jupyter_box.emulator.server import Exchange, Server

log = logging.getLogger("jupyter_box.emulator")
EXPOSED = "Content-Disposition, Location, Retry-After, WWW-Authenticate, ETag, Date"


def special(exchange: Exchange) -> Response | None:
    """Return the answer to what is not the API: the front page, the controls, a browser's CORS preflight."""
    # Box uses OPTIONS itself; only a browser's preflight names the method it wants to use
    if exchange.method == "OPTIONS" and "Access-Control-Request-Method" in exchange.headers:
        return Response(204)
    if exchange.raw_path == "/":
        return Response(content=pages.front(exchange.server.base).encode(), content_type="text/html; charset=utf-8")
    if exchange.raw_path == "/_control" and exchange.method == "GET":
        return Response(json=exchange.server.control.shown())
    return None


def cors(exchange: Exchange) -> dict[str, str]:
    """Return the CORS headers for a request from a browser; the download host has none, as in Box."""
    origin = exchange.headers.get("Origin")
    if not origin or exchange.raw_path.startswith("/d/1/"):
        return {}
    headers = {"Access-Control-Allow-Origin": origin, "Vary": "Origin", "Access-Control-Expose-Headers": EXPOSED}
    if "Access-Control-Request-Method" in exchange.headers:
        wanted = exchange.headers.get("Access-Control-Request-Headers", "Authorization, Content-Type")
        headers |= {
            "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, OPTIONS",
            "Access-Control-Allow-Headers": wanted,
            "Access-Control-Max-Age": "600",
        }
    return headers


async def answer(exchange: Exchange) -> Response | None:
    """Return the answer to a whole request; None when a fault broke the connection."""
    if exchange.raw_path == "/_control":
        return await _control(exchange)
    try:
        request = await _whole(exchange)
    except Problem as problem:
        exchange.sink.abandon()
        return envelope.of_problem(problem)
    early = await _before(exchange, request)
    if early is not None:
        exchange.sink.abandon()
        return early
    response = await _view(exchange, request)
    if response.poll is not None:
        return await _long_poll(exchange.server, response.poll)
    return _after(exchange, response)


async def _control(exchange: Exchange) -> Response:
    await exchange.sink.close()
    body = bytes(exchange.sink.body) if isinstance(exchange.sink, Memory) else b""
    try:
        return Response(json=exchange.server.control.change(json.loads(body)))
    except (ValueError, TypeError) as error:
        return envelope.error(400, "bad_request", str(error))


async def _whole(exchange: Exchange) -> Request:
    upload = await exchange.sink.close()
    assert exchange.request is not None
    body = bytes(exchange.sink.body) if isinstance(exchange.sink, Memory) else b""
    return replace(exchange.request, body=body, upload=upload)


async def _before(exchange: Exchange, request: Request) -> Response | None:
    faults, label = exchange.server.faults, exchange.label
    for kind in ("hold", "delay"):
        rule = faults.pick(kind, label)
        if rule is not None:
            await faults.wait(rule)
    for kind in ("rate_limit", "accepted", "error"):
        rule = next(
            (each for each in faults.rules if each.fault == kind and not each.applied and each.fires(label)), None
        )
        if rule is not None:
            return _faulty(rule, exchange.server)
    return None


def _faulty(rule: Rule, server: Server) -> Response:
    headers = {}
    if rule.retry_after is not None or rule.fault in ("rate_limit", "accepted"):
        wait = 1 if rule.retry_after is None else rule.retry_after
        moment = formatdate(server.store.now() + wait, usegmt=True)
        headers["Retry-After"] = moment if rule.as_date else f"{wait:g}"
    if rule.fault == "accepted":
        return Response(202, headers=headers, content=b"")
    status = 429 if rule.fault == "rate_limit" else rule.status
    code = rule.code or envelope.BY_STATUS.get(status, "bad_request")
    return envelope.error(status, code, f"Switched on in the emulator: {code}", rule.context, headers)


async def _view(exchange: Exchange, request: Request) -> Response:
    assert exchange.route is not None
    server = exchange.server
    rule = server.faults.pick("busy", exchange.label) if exchange.route.slow_tree else None
    if rule is not None:
        await _keep_busy(server, rule, request)
    if exchange.route.prepare == "digest":
        await _digest(request)
    response = _run(exchange, request)
    if exchange.route.body == "part" and response.status == 200:
        _digest_ahead(request)
    if server.store.events.latest != getattr(server, "told", None):
        server.told = server.store.events.latest  # type: ignore[attr-defined]
        await server.tell_news()
    return response


async def _keep_busy(server: Server, rule: Rule, request: Request) -> None:
    """Block the trees that a slow operation works on until it is over."""
    ids: list[int] = [int(request.params["folder_id"])]
    parent = str((request.json.get("parent") or {}).get("id"))
    if parent.isdecimal() and parent != "0":
        ids.append(int(parent))
    server.store.items.busy += ids
    try:
        await server.faults.wait(rule)
    finally:
        for each in ids:
            server.store.items.busy.remove(each)


async def _digest(request: Request) -> None:
    """Digest an upload session's file outside the loop, so that committing a large one holds up nobody."""
    store = request.store
    row = store.one("SELECT * FROM sessions WHERE id = ?", request.params["upload_session_id"])
    if row is not None and row["state"] == "open" and row["user"] == request.who.user:
        end, path = store.sessions.contiguous(row["id"]), store.blobs.path(row["blob"])
        if end:
            await asyncio.get_running_loop().run_in_executor(None, store.sessions.advance_digest, row["id"], path, end)


def _digest_ahead(request: Request) -> None:
    """Digest what is there of an upload session's file while more comes, so that little is left for the commit."""
    store, session = request.store, request.params["upload_session_id"]
    row = store.one("SELECT * FROM sessions WHERE id = ?", session)
    if row is not None and not store.sessions.is_digesting(session):
        end, path = store.sessions.contiguous(session), store.blobs.path(row["blob"])
        asyncio.get_running_loop().run_in_executor(None, store.sessions.try_advance_digest, session, path, end)


def _run(exchange: Exchange, request: Request) -> Response:
    assert exchange.route is not None
    assert exchange.route.view is not None
    store = exchange.server.store
    request = _as_twin(exchange, request)
    try:
        with store.transaction():
            response = exchange.route.view(store, request)
    except Problem as problem:
        exchange.sink.abandon()
        return _conflict(request, problem)
    except GrantProblem as problem:
        return envelope.of_grant_problem(problem)
    except Exception as error:  # a defect of the emulator must not look like silence
        log.exception("%s %s failed", exchange.method, exchange.path)
        exchange.sink.abandon()
        return envelope.error(500, "internal_server_error", f"The emulator failed: {type(error).__name__}")
    _release_part(exchange)
    return response


def _release_part(exchange: Exchange) -> None:
    release = getattr(exchange.sink, "release", None)
    if release is not None:
        release()


def _as_twin(exchange: Exchange, request: Request) -> Request:
    if (
        exchange.route is not None
        and exchange.route.operation == "post_folders"
        and exchange.server.faults.pick("twin", exchange.label)
    ):
        return replace(request, twin=True)
    return request


def _conflict(request: Request, problem: Problem) -> Response:
    """Return the answer to a refusal; what holds a taken name stands in a list for folders, alone for files."""
    from jupyter_box.emulator.shapes import mini

    taken = problem.context.pop("conflict", None)
    if taken is not None:
        about_folders = request.path.startswith(("/folders", "/web_links"))
        problem.context["conflicts"] = [mini(taken)] if about_folders else mini(taken)
    return envelope.of_problem(problem)


def _after(exchange: Exchange, response: Response) -> Response | None:
    faults, label = exchange.server.faults, exchange.label
    if faults.pick("lost_reply", label):
        exchange.reset()
        return None
    rule = next((each for each in faults.rules if each.fault == "error" and each.applied and each.fires(label)), None)
    if rule is not None:
        return _faulty(rule, exchange.server)
    if response.json is not None and faults.pick("wrong_sha1", label):
        return replace(response, json=_with_wrong_sha1(response.json))
    return response


def _with_wrong_sha1(shape: Any) -> Any:
    if isinstance(shape, dict):
        return {key: "0" * 40 if key == "sha1" else _with_wrong_sha1(value) for key, value in shape.items()}
    return [_with_wrong_sha1(each) for each in shape] if isinstance(shape, list) else shape


async def _long_poll(server: Server, poll: LongPoll) -> Response:
    deadline = time.monotonic() + poll.timeout
    while not server.store.events.has_after(poll.user, poll.position):
        left = deadline - time.monotonic()
        if left <= 0:
            return Response(json={"message": "reconnect"})
        try:
            async with server.news:
                await asyncio.wait_for(server.news.wait(), left)
        except asyncio.TimeoutError:
            continue
    return Response(json={"message": "new_change"})


def stream_size(response: Response) -> int | None:
    """Return the bytes of a streamed body, or None when nobody can tell beforehand."""
    return response.stream.size if isinstance(response.stream, FileSlice) else None


def chunks(response: Response, size: int) -> Iterator[bytes]:
    """Return a streamed body piece by piece."""
    if not isinstance(response.stream, FileSlice):
        yield from response.stream or ()
        return
    part = response.stream
    descriptor = os.open(part.path, os.O_RDONLY)
    try:
        place, end = part.offset, part.offset + part.size
        while place < end and (data := os.pread(descriptor, min(size, end - place), place)):
            yield data
            place += len(data)
    finally:
        os.close(descriptor)


def spoil(chunk: bytes, sent: int, rule: Rule | None) -> bytes:
    """Return the piece, with the byte that a fault wants corrupted turned over."""
    if rule is None or not sent <= rule.bytes < sent + len(chunk):
        return chunk
    spoiled = bytearray(chunk)
    spoiled[rule.bytes - sent] ^= 0xFF
    return bytes(spoiled)
