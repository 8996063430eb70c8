"""Box's own SDK, unmodified, and plain HTTP, both pointed at the emulator."""

from __future__ import annotations

import io

import pytest
import requests
from box_sdk_gen import (
    BaseUrls,
    BoxAPIError,
    BoxClient,
    BoxDeveloperTokenAuth,
    BoxRetryStrategy,
    CreateCollaborationAccessibleBy,
    CreateCollaborationAccessibleByTypeField,
    CreateCollaborationItem,
    CreateCollaborationItemTypeField,
    CreateCollaborationRole,
    CreateFolderParent,
    NetworkSession,
    UploadFileAttributes,
    UploadFileAttributesParentField,
)


def network(box, attempts: int = 1) -> NetworkSession:
    """The SDK's network, pointed at the emulator; by default it tries once, so that a fault is seen."""
    urls = BaseUrls(base_url=box.url, upload_url=f"{box.url}/api", oauth_2_url=f"{box.url}/api/oauth2")
    return NetworkSession(
        base_urls=urls, retry_strategy=BoxRetryStrategy(max_attempts=attempts, retry_base_interval=0.001)
    )


def client_of(box, token: str) -> BoxClient:
    """A client with a token of its own."""
    return BoxClient(auth=BoxDeveloperTokenAuth(token), network_session=network(box))


def put_folder(client, name: str, parent: str = "0"):
    """A new folder."""
    return client.folders.create_folder(name, CreateFolderParent(id=parent))


def put_file(client, name: str, content: bytes, parent: str = "0"):
    """A new file."""
    attributes = UploadFileAttributes(name=name, parent=UploadFileAttributesParentField(id=parent))
    return client.uploads.upload_file(attributes, io.BytesIO(content)).entries[0]


class Http:
    """Plain HTTP with a token, for what no SDK sends."""

    def __init__(self, box, token: str) -> None:
        self.box = box
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"

    def __call__(self, method: str, path: str, **options) -> requests.Response:
        options.setdefault("allow_redirects", False)
        return self.session.request(method, f"{self.box.url}{path}", timeout=20, **options)


def invite(
    client,
    folder_id: str,
    role: str,
    user: str | None = None,
    *,
    group: str | None = None,
    login: str | None = None,
    **options,
):
    """A new collaboration on a folder."""
    kind = CreateCollaborationAccessibleByTypeField.GROUP if group else CreateCollaborationAccessibleByTypeField.USER
    return client.user_collaborations.create_collaboration(
        CreateCollaborationItem(type=CreateCollaborationItemTypeField.FOLDER, id=folder_id),
        CreateCollaborationAccessibleBy(type=kind, id=group or user, login=login),
        CreateCollaborationRole(role),
        **options,
    )


def error_of(call, *args, **kwargs) -> tuple[int, str]:
    """Status and code of the API error that a call of the SDK raises."""
    with pytest.raises(BoxAPIError) as error:
        call(*args, **kwargs)
    return error.value.response_info.status_code, error.value.response_info.body["code"]
