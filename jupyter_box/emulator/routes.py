"""The one table of routes: what is emulated, by which view, under the name that Box's OpenAPI has for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from jupyter_box.emulator.not_emulated import NOT_EMULATED
from jupyter_box.emulator.views import (
    collaborations,
    collections,
    comments,
    downloads,
    events,
    files,
    folder_locks,
    folders,
    groups,
    oauth,
    search,
    sessions,
    shared_items,
    trash,
    uploads,
    users,
    versions,
    web_links,
    zips,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_box.emulator.messages import Request, Response
    from jupyter_box.emulator.store import Store

    View = Callable[[Store, Request], Response]

NUMERIC = (
    "file_id",
    "folder_id",
    "web_link_id",
    "user_id",
    "group_id",
    "collaboration_id",
    "comment_id",
    "group_membership_id",
    "folder_lock_id",
)


@dataclass(frozen=True)
class Route:
    """One operation; `body` says how a request body is taken in: `json`, `multipart` or `part`."""

    operation: str
    method: str
    path: str
    view: View | None
    body: str = "json"
    public: bool = False
    slow_tree: bool = False
    prepare: str = ""
    undocumented: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Return the regular expression for the path."""
        escaped = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(self.path))
        return re.compile(escaped)

    @cached_property
    def size(self) -> int:
        """Return the number of segments of the path."""
        return self.path.count("/")


SESSION = "/files/upload_sessions/{upload_session_id}"


def _emulated() -> list[Route]:
    return [
        Route("post_oauth2_token", "POST", "/oauth2/token", oauth.token, public=True),
        Route("post_oauth2_revoke", "POST", "/oauth2/revoke", oauth.revoke, public=True),
        Route("get_users_me", "GET", "/users/me", users.me),
        Route("get_users", "GET", "/users", users.listed),
        Route("post_users", "POST", "/users", users.create),
        Route("get_users_id", "GET", "/users/{user_id}", users.get),
        Route("put_users_id", "PUT", "/users/{user_id}", users.update),
        Route("delete_users_id", "DELETE", "/users/{user_id}", users.delete),
        Route("put_users_id_folders_0", "PUT", "/users/{user_id}/folders/0", users.transfer),
        Route("get_users_id_memberships", "GET", "/users/{user_id}/memberships", users.memberships),
        Route("get_users_id_avatar", "GET", "/users/{user_id}/avatar", users.avatar),
        Route("get_folders_trash_items", "GET", "/folders/trash/items", trash.listed),
        Route("post_folders", "POST", "/folders", folders.create),
        Route("get_folders_id", "GET", "/folders/{folder_id}", folders.get),
        Route("put_folders_id", "PUT", "/folders/{folder_id}", folders.update, slow_tree=True),
        Route("delete_folders_id", "DELETE", "/folders/{folder_id}", folders.delete, slow_tree=True),
        Route("post_folders_id", "POST", "/folders/{folder_id}", trash.restore, slow_tree=True),
        Route("get_folders_id_items", "GET", "/folders/{folder_id}/items", folders.items),
        Route("post_folders_id_copy", "POST", "/folders/{folder_id}/copy", folders.copy, slow_tree=True),
        Route("get_folders_id_trash", "GET", "/folders/{folder_id}/trash", trash.get),
        Route("delete_folders_id_trash", "DELETE", "/folders/{folder_id}/trash", trash.purge),
        Route("options_files_content", "OPTIONS", "/files/content", uploads.preflight),
        Route(
            "options_files_id_content",
            "OPTIONS",
            "/files/{file_id}/content",
            uploads.preflight_version,
            undocumented=True,
        ),
        Route("post_files_content", "POST", "/files/content", uploads.create, body="multipart"),
        Route("post_files_id_content", "POST", "/files/{file_id}/content", uploads.replace, body="multipart"),
        Route("get_files_id_content", "GET", "/files/{file_id}/content", downloads.content),
        Route("post_files_upload_sessions", "POST", "/files/upload_sessions", sessions.create),
        Route("post_files_id_upload_sessions", "POST", "/files/{file_id}/upload_sessions", sessions.create_version),
        Route("get_files_upload_sessions_id", "GET", SESSION, sessions.get),
        Route("put_files_upload_sessions_id", "PUT", SESSION, sessions.upload_part, body="part"),
        Route("delete_files_upload_sessions_id", "DELETE", SESSION, sessions.abort),
        Route("get_files_upload_sessions_id_parts", "GET", f"{SESSION}/parts", sessions.parts),
        Route("post_files_upload_sessions_id_commit", "POST", f"{SESSION}/commit", sessions.commit, prepare="digest"),
        Route("post_files_upload_sessions_id_plan", "POST", f"{SESSION}/plan", sessions.plan, undocumented=True),
        Route("post_files_upload_sessions_id_log", "POST", f"{SESSION}/log", sessions.log, undocumented=True),
        Route("get_files_id", "GET", "/files/{file_id}", files.get),
        Route("put_files_id", "PUT", "/files/{file_id}", files.update),
        Route("delete_files_id", "DELETE", "/files/{file_id}", files.delete),
        Route("post_files_id", "POST", "/files/{file_id}", trash.restore),
        Route("post_files_id_copy", "POST", "/files/{file_id}/copy", files.copy),
        Route("get_files_id_trash", "GET", "/files/{file_id}/trash", trash.get),
        Route("delete_files_id_trash", "DELETE", "/files/{file_id}/trash", trash.purge),
        Route("get_files_id_versions", "GET", "/files/{file_id}/versions", versions.listed),
        Route("post_files_id_versions_current", "POST", "/files/{file_id}/versions/current", versions.promote),
        Route("get_files_id_versions_id", "GET", "/files/{file_id}/versions/{file_version_id}", versions.get),
        Route("put_files_id_versions_id", "PUT", "/files/{file_id}/versions/{file_version_id}", versions.restore),
        Route("delete_files_id_versions_id", "DELETE", "/files/{file_id}/versions/{file_version_id}", versions.delete),
        Route("get_files_id_collaborations", "GET", "/files/{file_id}/collaborations", collaborations.on_item),
        Route("get_folders_id_collaborations", "GET", "/folders/{folder_id}/collaborations", collaborations.on_item),
        Route("get_collaborations", "GET", "/collaborations", collaborations.pending),
        Route("post_collaborations", "POST", "/collaborations", collaborations.create),
        Route("get_collaborations_id", "GET", "/collaborations/{collaboration_id}", collaborations.get),
        Route("put_collaborations_id", "PUT", "/collaborations/{collaboration_id}", collaborations.update),
        Route("delete_collaborations_id", "DELETE", "/collaborations/{collaboration_id}", collaborations.delete),
        Route("get_groups", "GET", "/groups", groups.listed),
        Route("post_groups", "POST", "/groups", groups.create),
        Route("get_groups_id", "GET", "/groups/{group_id}", groups.get),
        Route("put_groups_id", "PUT", "/groups/{group_id}", groups.update),
        Route("delete_groups_id", "DELETE", "/groups/{group_id}", groups.delete),
        Route("get_groups_id_memberships", "GET", "/groups/{group_id}/memberships", groups.members),
        Route("get_groups_id_collaborations", "GET", "/groups/{group_id}/collaborations", groups.collaborations),
        Route("post_group_memberships", "POST", "/group_memberships", groups.join),
        Route("get_group_memberships_id", "GET", "/group_memberships/{group_membership_id}", groups.membership),
        Route("put_group_memberships_id", "PUT", "/group_memberships/{group_membership_id}", groups.change_membership),
        Route("delete_group_memberships_id", "DELETE", "/group_memberships/{group_membership_id}", groups.leave),
        Route("get_shared_items", "GET", "/shared_items", shared_items.resolve),
        Route("get_search", "GET", "/search", search.find),
        Route("get_events", "GET", "/events", events.listed),
        Route("options_events", "OPTIONS", "/events", events.realtime),
        Route("get_events_subscribe", "GET", "/subscribe", events.subscribe, undocumented=True),
        Route("post_zip_downloads", "POST", "/zip_downloads", zips.create),
        Route("get_zip_downloads_id_status", "GET", "/zip_downloads/{zip_download_id}/status", zips.status),
        Route("get_collections", "GET", "/collections", collections.listed),
        Route("get_collections_id", "GET", "/collections/{collection_id}", collections.get),
        Route("get_collections_id_items", "GET", "/collections/{collection_id}/items", collections.items),
        Route("get_recent_items", "GET", "/recent_items", collections.recent),
        Route("get_folder_locks", "GET", "/folder_locks", folder_locks.listed),
        Route("post_folder_locks", "POST", "/folder_locks", folder_locks.create),
        Route("delete_folder_locks_id", "DELETE", "/folder_locks/{folder_lock_id}", folder_locks.delete),
        Route("post_comments", "POST", "/comments", comments.create),
        Route("get_comments_id", "GET", "/comments/{comment_id}", comments.get),
        Route("put_comments_id", "PUT", "/comments/{comment_id}", comments.update),
        Route("delete_comments_id", "DELETE", "/comments/{comment_id}", comments.delete),
        Route("get_files_id_comments", "GET", "/files/{file_id}/comments", comments.listed),
        Route("post_web_links", "POST", "/web_links", web_links.create),
        Route("get_web_links_id", "GET", "/web_links/{web_link_id}", web_links.get),
        Route("put_web_links_id", "PUT", "/web_links/{web_link_id}", web_links.update),
        Route("delete_web_links_id", "DELETE", "/web_links/{web_link_id}", web_links.delete),
        Route("post_web_links_id", "POST", "/web_links/{web_link_id}", trash.restore),
        Route("get_web_links_id_trash", "GET", "/web_links/{web_link_id}/trash", trash.get),
        Route("delete_web_links_id_trash", "DELETE", "/web_links/{web_link_id}/trash", trash.purge),
    ]


EMULATED = _emulated()
OTHERS = [Route(operation, method, path, None) for operation, method, path in NOT_EMULATED]
DOWNLOADS = [
    Route("download", "GET", "/d/1/{ticket}/download", downloads.presigned, public=True, undocumented=True),
    Route("get_zip_downloads_id_content", "GET", "/zip_downloads/{zip_download_id}/content", zips.content, public=True),
]
PAGES = [
    Route("shared_link_page", "GET", "/s/{name}", shared_items.landing, public=True, undocumented=True),
    Route("vanity_link_page", "GET", "/v/{name}", shared_items.landing, public=True, undocumented=True),
    Route("shared_link_content", "GET", "/shared/static/{name}", shared_items.static, public=True, undocumented=True),
]


class Table:
    """Routes by method and number of segments; the first that fits wins, so fixed names stand before parameters."""

    def __init__(self, routes: list[Route]) -> None:
        self._by_shape: dict[tuple[str, int], list[Route]] = {}
        for route in sorted(routes, key=lambda each: each.path.count("{")):
            self._by_shape.setdefault((route.method, route.size), []).append(route)

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """Return the route for a path, and the parameters in it."""
        for route in self._by_shape.get((method, path.count("/")), []):
            match = route.pattern.fullmatch(path)
            if match is not None:
                return route, match.groupdict()
        return None

    def methods(self, path: str) -> list[str]:
        """Return the methods that a path knows."""
        return sorted({method for method, _ in self._by_shape if self.find(method, path)})


def table() -> str:
    """Return the table of all operations as Markdown, for the documentation."""
    lines = ["| operation | route | emulated |", "|---|---|---|"]
    for route in [*EMULATED, DOWNLOADS[1], *OTHERS]:
        word = "yes" if route.view else "no (501)"
        note = ", not in Box's OpenAPI" if route.undocumented else ""
        lines.append(f"| `{route.operation}` | `{route.method} {route.path}` | {word}{note} |")
    return "\n".join(lines) + "\n"
