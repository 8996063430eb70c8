"""Items behind shared links: resolved by the `boxapi` header, or fetched by anyone from an open link."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from jupyter_box.emulator.messages import Request, Response
from jupyter_box.emulator.problems import Problem, invalid, not_found
from jupyter_box.emulator.shapes import FULL, Shapes
from jupyter_box.emulator.views.downloads import signed_url

if TYPE_CHECKING:
    from jupyter_box.emulator.store import Store


def resolve(store: Store, request: Request) -> Response:
    """Answer the item that a shared link leads to."""
    if request.shared_link is None:
        raise invalid("boxapi", "missing_parameter", "The 'boxapi' header with a shared_link is required")
    item = store.shared_links.find(request.shared_link[0])
    if item is None:
        raise not_found()
    request.access.require(item, "info")
    etag = str(item["etag"])
    if request.headers.get("If-None-Match", "").strip('"') == etag:
        return Response(304)
    store.shared_links.count(item, "previews")
    names = [name for name in FULL[item["type"]] if name != "item_collection"]
    shape = Shapes(request).full(store.items.at(item["id"]), request.fields or names)
    return Response(json=shape, headers={"ETag": etag})


def static(store: Store, request: Request) -> Response:
    """Redirect anyone to the contents behind an open link without a password."""
    item = store.shared_links.find(request.params["name"])
    link = json.loads(item["shared_link"]) if item is not None else {}
    if item is None or item["type"] != "file" or link["access"] != "open" or not link["can_download"]:
        raise not_found()
    if link["password"]:
        raise Problem("incorrect_shared_item_password", "The shared item password is incorrect")
    store.shared_links.count(item, "downloads")
    return Response(302, content=b"", headers={"Location": signed_url(request, item["version"], item["name"])})


def landing(store: Store, request: Request) -> Response:
    """Answer a plain page for a person who opens a link."""
    item = store.shared_links.find(request.params["name"])
    if item is None:
        raise not_found()
    what = f"<p>A shared {item['type']} of the jupyter-box emulator. This is not Box."
    text = f"<!doctype html><meta charset='utf-8'><title>Not Box</title>{what}"
    return Response(content=text.encode(), content_type="text/html; charset=utf-8")
