"""Event streams: one's own, the enterprise's, and the long poll that tells when to look again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.messages import LongPoll, Request, Response
from jupyter_box.emulator.problems import invalid, out_of_scope
from jupyter_box.emulator.shapes import Shapes, moment

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

LARGEST_PAGE = 500
USER_STREAMS = ("all", "changes", "sync")
ADMIN_STREAMS = ("admin_logs", "admin_logs_streaming")


def shape(request: Request, event: Row) -> dict[str, Any]:
    """Return an event."""
    return {
        "type": "event",
        "event_id": event["event_id"],
        "event_type": event["type"],
        "created_at": moment(event["created_at"]),
        "recorded_at": moment(event["created_at"]),
        "created_by": Shapes(request).person(event["user"]),
        "session_id": event["event_id"][:20],
        "source": json.loads(event["source"]),
    }


def listed(store: Store, request: Request) -> Response:
    """Answer the events after a position, oldest first."""
    stream, limit = request.query.get("stream_type", "all"), request.number("limit", 100, LARGEST_PAGE)
    if stream not in USER_STREAMS + ADMIN_STREAMS:
        raise invalid("stream_type")
    if "list" not in request.access.scope:
        raise out_of_scope()
    position = _position(request)
    if stream in ADMIN_STREAMS:
        return _enterprise(store, request, position, limit)
    rows = store.events.after(request.who.user, position, limit, stream, request.who.resource)
    following = rows[-1]["id"] if len(rows) == limit and rows else max(position, store.events.latest)
    return Response(json=_page(request, rows, following))


def _enterprise(store: Store, request: Request, position: int, limit: int) -> Response:
    request.access.require_administrator("manage_enterprise_properties")
    assert request.who.enterprise is not None
    rows = store.events.of_enterprise(request.who.enterprise, position, limit)
    wanted = [name for name in request.query.get("event_type", "").split(",") if name]
    chosen = [row for row in rows if not wanted or row["type"] in wanted]
    return Response(json=_page(request, chosen, rows[-1]["id"] if rows else position))


def _page(request: Request, rows: list[Row], following: int) -> dict[str, Any]:
    return {
        "chunk_size": len(rows),
        "next_stream_position": following,
        "entries": [shape(request, row) for row in rows],
    }


def _position(request: Request) -> int:
    text = request.query.get("stream_position", "0")
    if text == "now":
        return request.store.events.latest
    if not text.isdecimal():
        raise invalid("stream_position")
    return min(int(text), request.store.events.latest)


def realtime(store: Store, request: Request) -> Response:
    """Answer where to poll for news."""
    timeout = store.rules.poll_timeout
    stream = request.query.get("stream_type", "all")
    entry = {
        "type": "realtime_server",
        "url": f"{request.base}/subscribe?channel={request.who.user}&stream_type={stream}",
        "ttl": "10",
        "max_retries": "10",
        "retry_timeout": int(timeout),
    }
    return Response(json={"chunk_size": 1, "entries": [entry]})


def subscribe(store: Store, request: Request) -> Response:
    """Wait for news of the caller's own stream."""
    return Response(poll=LongPoll(request.who.user, _position(request), store.rules.poll_timeout))
