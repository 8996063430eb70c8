"""Web links: items that lead elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from jupyter_box.emulator.messages import Request, Response
from jupyter_box.emulator.problems import invalid
from jupyter_box.emulator.shapes import Shapes
from jupyter_box.emulator.views import changes
from jupyter_box.emulator.views.announce import bury

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store


def _link(request: Request, ability: str = "info") -> Row:
    return request.access.find("web_link", request.params["web_link_id"], ability)


def create(store: Store, request: Request) -> Response:
    """Make a web link; without a name it gets its host's."""
    url = str(request.need("url"))
    if urlsplit(url).scheme not in ("http", "https"):
        raise invalid("url")
    parent = changes.target_folder(request, request.need("parent", "id"))
    name = request.json.get("name") or urlsplit(url).netloc
    link = store.folders.create_link(parent, name, url, request.who.user, str(request.json.get("description") or ""))
    return Response(200, Shapes(request).full(link, request.fields))


def get(store: Store, request: Request) -> Response:
    """Answer one web link."""
    return Response(json=Shapes(request).full(_link(request), request.fields))


def update(store: Store, request: Request) -> Response:
    """Change, rename or move a web link."""
    link = changes.update(request, _link(request))
    return Response(json=Shapes(request).full(link, request.fields))


def delete(store: Store, request: Request) -> Response:
    """Move a web link to the trash."""
    link = _link(request, "delete")
    changes.check_match(request, link)
    return bury(request, link)
