"""Users, groups, and what collaborators, lock holders and link visitors may do."""

from __future__ import annotations

import uuid

import pytest
from box_sdk_gen import (
    AddShareLinkToFileSharedLink,
    AddShareLinkToFileSharedLinkAccessField,
    AddShareLinkToFileSharedLinkPermissionsField,
    AddShareLinkToFolderSharedLink,
    AddShareLinkToFolderSharedLinkAccessField,
    CreateCommentItem,
    CreateCommentItemTypeField,
    CreateFolderLockFolder,
    CreateFolderLockLockedOperations,
    CreateGroupMembershipGroup,
    CreateGroupMembershipRole,
    CreateGroupMembershipUser,
    GetCollaborationsStatus,
    TransferOwnedFolderOwnedBy,
    UpdateCollaborationByIdRole,
    UpdateCollaborationByIdStatus,
    UpdateFileByIdLock,
    UpdateFileByIdLockAccessField,
    UpdateFolderByIdCollections,
    UpdateFolderByIdParent,
    UpdateGroupMembershipByIdRole,
    create_null,
)
from emulator_clients import Http, client_of, error_of, invite, put_file, put_folder

ROLES = ["co-owner", "editor", "viewer uploader", "previewer uploader", "viewer", "previewer", "uploader"]
MAY = {
    # BOX_API: role → download, upload, rename and delete, share, invite
    "co-owner": (True, True, True, True, True),
    "editor": (True, True, True, True, True),
    "viewer uploader": (True, True, False, True, False),
    "previewer uploader": (False, True, False, False, False),
    "viewer": (True, False, False, True, False),
    "previewer": (False, False, False, False, False),
    "uploader": (False, True, False, False, False),
}


def name():
    return uuid.uuid4().hex[:10]


def test_users_are_made_changed_found_and_removed(client):
    made = client.users.create_user(f"Ann {name()}", login=f"{name()}@example.com", job_title="Operator")
    assert client.users.get_user_by_id(made.id, fields=["job_title"]).job_title == "Operator"
    assert client.users.update_user_by_id(made.id, name="Ann Other").name == "Ann Other"
    assert made.id in [user.id for user in client.users.get_users(filter_term="Ann O").entries]
    client.users.delete_user_by_id(made.id)
    assert error_of(client.users.get_user_by_id, made.id) == (404, "not_found")


def test_app_users_have_a_login_of_their_own(client):
    made = client.users.create_user("App User", is_platform_access_only=True, external_app_user_id="hub-7")
    assert made.login.startswith("AppUser_")
    assert [user.id for user in client.users.get_users(external_app_user_id="hub-7").entries] == [made.id]


def test_logins_are_unique(client):
    login = f"{name()}@example.com"
    client.users.create_user("One", login=login)
    assert error_of(client.users.create_user, "Two", login=login.upper())[0] == 409


def test_users_are_paged_by_marker(client):
    page = client.users.get_users(usemarker=True, limit=1)
    assert len(page.entries) == 1
    assert client.users.get_users(usemarker=True, limit=1, marker=page.next_marker).entries[0].id != page.entries[0].id


def test_nobody_has_a_picture(client, someone):
    assert error_of(client.avatars.get_user_avatar, someone[0]) == (404, "not_found")


def test_a_file_can_be_shared_alone(client, http, someone, folder):
    file = put_file(client, "a.txt", b"abc", folder.id)
    body = {
        "item": {"type": "file", "id": file.id},
        "accessible_by": {"type": "user", "id": someone[0]},
        "role": "editor",
    }
    assert http("POST", "/2.0/collaborations", json={**body, "role": "uploader"}).status_code == 400
    made = http("POST", "/2.0/collaborations", json=body).json()
    assert [entry.id for entry in client.list_collaborations.get_file_collaborations(file.id).entries] == [made["id"]]
    assert someone[1].files.update_file_by_id(file.id, name="b.txt").parent.id == "0"
    assert error_of(someone[1].folders.get_folder_by_id, folder.id)[0] == 404


def test_me_shows_space(client, folder):
    before = client.users.get_user_me().space_used
    put_file(client, "a", b"12345", folder.id)
    me = client.users.get_user_me()
    assert (me.space_used - before, me.space_amount) == (5, 10 * 1024**3)


def test_content_is_handed_over_before_a_user_goes(client, box):
    user, heir = box.add_user("Leaver"), box.add_user("Heir")
    put_folder(client_of(box, box.token(user)), "mine")
    assert error_of(client.users.delete_user_by_id, user)[0] == 400
    moved = client.transfer.transfer_owned_folder(user, TransferOwnedFolderOwnedBy(id=heir))
    assert "Leaver" in moved.name
    client.users.delete_user_by_id(user)
    assert client_of(box, box.token(heir)).folders.get_folder_items(moved.id).entries[0].name == "mine"


def test_an_ordinary_user_manages_nobody(someone, client):
    user, theirs = someone
    other = client.users.create_user("Other", login=f"{name()}@example.com")
    for call, arguments in [
        (theirs.users.get_users, ()),
        (theirs.users.get_user_by_id, (other.id,)),
        (theirs.users.delete_user_by_id, (other.id,)),
        (theirs.groups.get_groups, ()),
        (theirs.groups.create_group, (name(),)),
    ]:
        assert error_of(call, *arguments)[0] == 403
    assert theirs.users.get_user_by_id(user).id == user


def test_an_app_user_lists_nobody_though_the_app_may(box, client):
    other = client.users.create_user("Other", login=f"{name()}@example.com")
    user = box.add_user("App user", app_user=True)
    theirs = client_of(box, box.token(user, scopes="manage_managed_users manage_app_users manage_groups"))
    for call, arguments in [
        (theirs.users.get_users, ()),
        (theirs.users.get_user_by_id, (other.id,)),
        (theirs.groups.get_groups, ()),
    ]:
        assert error_of(call, *arguments) == (403, "access_denied_insufficient_permissions")


def test_of_a_guest_little_is_told(box, client, folder):
    guest = box.add_user("Partner", login=f"{name()}@partner.example", enterprise=box.add_enterprise("Partner"))
    assert error_of(client.users.get_user_by_id, guest) == (404, "not_found")
    invite(client, folder.id, "editor", guest)
    told = client.users.get_user_by_id(guest)
    assert (told.id, told.name, told.space_used, told.enterprise) == (guest, "Partner", None, None)
    assert error_of(client.users.update_user_by_id, guest, name="Ours") == (404, "not_found")


@pytest.mark.parametrize("path", ["users", "groups", "folders/trash/items", "collaborations"])
def test_a_list_is_not_read_from_too_deep(http, path):
    query = "status=pending&" if path == "collaborations" else ""
    answers = [http("GET", f"/2.0/{path}?{query}offset={offset}").status_code for offset in (10_000, 10_001)]
    assert answers == [200, 400]


def test_groups_and_memberships(client, box, folder):
    group, user = client.groups.create_group(f"Line {name()}", description="d"), box.add_user("Member")
    assert error_of(client.groups.create_group, group.name) == (409, "invalid_parameter")
    member = client.memberships.create_group_membership(
        CreateGroupMembershipUser(id=user), CreateGroupMembershipGroup(id=group.id)
    )
    assert [entry.user.id for entry in client.memberships.get_group_memberships(group.id).entries] == [user]
    assert [entry.group.id for entry in client.memberships.get_user_memberships(user).entries] == [group.id]
    admin = client.memberships.update_group_membership_by_id(member.id, role=UpdateGroupMembershipByIdRole.ADMIN)
    assert admin.role.value == CreateGroupMembershipRole.ADMIN.value
    assert client.memberships.get_group_membership_by_id(member.id).user.id == user
    invite(client, folder.id, "viewer", group=group.id)
    theirs = client_of(box, box.token(user))
    assert theirs.folders.get_folder_by_id(folder.id).name == folder.name
    assert client.list_collaborations.get_group_collaborations(group.id).total_count == 1
    client.memberships.delete_group_membership_by_id(member.id)
    assert error_of(theirs.folders.get_folder_by_id, folder.id) == (404, "not_found")
    assert client.groups.update_group_by_id(group.id, description="new").id == group.id
    assert client.groups.get_group_by_id(group.id, fields=["description"]).description == "new"
    assert group.id in [entry.id for entry in client.groups.get_groups(filter_term=group.name).entries]
    client.groups.delete_group_by_id(group.id)
    assert error_of(client.groups.get_group_by_id, group.id)[0] == 404


def test_what_is_not_shared_is_not_there(client, someone, folder):
    file = put_file(client, "a.txt", b"abc", folder.id)
    theirs = someone[1]
    assert error_of(theirs.folders.get_folder_by_id, folder.id) == (404, "not_found")
    assert error_of(theirs.files.get_file_by_id, file.id) == (404, "not_found")
    assert theirs.folders.get_folder_items("0").total_count == 0


def test_a_shared_folder_appears_in_the_root(client, someone, folder):
    sub = put_folder(client, "sub", folder.id)
    invite(client, sub.id, "editor", someone[0])
    theirs = someone[1]
    assert [item.id for item in theirs.folders.get_folder_items("0").entries] == [sub.id]
    read = theirs.folders.get_folder_by_id(sub.id)
    assert [step.id for step in read.path_collection.entries] == ["0"]
    assert read.parent.id == "0"
    inner = put_folder(theirs, "inner", sub.id)
    assert [step.id for step in inner.path_collection.entries] == ["0", sub.id]
    assert client.folders.get_folder_by_id(inner.id).owned_by.id == client.users.get_user_me().id


@pytest.mark.parametrize("role", ROLES)
def test_roles_decide(client, box, someone, role):
    user, theirs = someone
    folder = put_folder(client, f"role-{name()}")
    file = put_file(client, "a.txt", b"abc", folder.id)
    invite(client, folder.id, role, user)
    download, upload, edit, share, invites = MAY[role]
    shown = theirs.files.get_file_by_id(file.id, fields=["permissions"]).permissions
    assert (shown.can_download, shown.can_upload, shown.can_rename, shown.can_delete, shown.can_share) == (
        download,
        upload,
        edit,
        edit,
        share,
    )
    assert (
        theirs.folders.get_folder_by_id(folder.id, fields=["permissions"]).permissions.can_invite_collaborator
        == invites
    )
    http = Http(box, box.token(user))
    body = {"name": "new", "parent": {"id": folder.id}}
    for expected, answer in [
        (download, http("GET", f"/2.0/files/{file.id}/content")),
        (upload, http("POST", "/2.0/folders", json=body)),
        (edit, http("PUT", f"/2.0/files/{file.id}", json={"name": "b.txt"})),
        (share, http("PUT", f"/2.0/files/{file.id}?fields=shared_link", json={"shared_link": {"access": "company"}})),
        (edit, http("DELETE", f"/2.0/files/{file.id}")),
    ]:
        assert (answer.status_code < 400) == expected, answer.text
        assert expected or answer.json()["code"] == "access_denied_insufficient_permissions"


def test_collaborations_are_listed_changed_and_ended(client, someone, folder):
    user, theirs = someone
    made = invite(client, folder.id, "viewer", user)
    assert (made.status.value, made.accessible_by.id, made.item.id) == ("accepted", user, folder.id)
    assert error_of(invite, client, folder.id, "editor", user) == (400, "user_already_collaborator")
    assert error_of(put_folder, theirs, "x", folder.id)[0] == 403
    changed = client.user_collaborations.update_collaboration_by_id(made.id, role=UpdateCollaborationByIdRole.EDITOR)
    assert changed.role.value == "editor"
    put_folder(theirs, "x", folder.id)
    assert [entry.id for entry in client.list_collaborations.get_folder_collaborations(folder.id).entries] == [made.id]
    assert client.user_collaborations.get_collaboration_by_id(made.id).id == made.id
    client.user_collaborations.delete_collaboration_by_id(made.id)
    assert error_of(theirs.folders.get_folder_by_id, folder.id)[0] == 404


def test_a_collaborator_may_leave(client, someone, folder):
    made = invite(client, folder.id, "viewer", someone[0])
    someone[1].user_collaborations.delete_collaboration_by_id(made.id)
    assert client.list_collaborations.get_folder_collaborations(folder.id).entries == []


def test_the_root_cannot_be_shared(client, someone):
    assert error_of(invite, client, "0", "viewer", someone[0]) == (400, "collaborations_not_available_on_root_folder")


def test_people_elsewhere_must_accept(client, box, folder):
    user = box.add_user("Partner", login=f"{name()}@partner.example", enterprise=box.add_enterprise("Partner"))
    theirs = client_of(box, box.token(user))
    made = invite(client, folder.id, "editor", user)
    assert made.status.value == "pending"
    assert error_of(theirs.folders.get_folder_by_id, folder.id)[0] == 404
    assert [
        entry.id for entry in theirs.list_collaborations.get_collaborations(GetCollaborationsStatus.PENDING).entries
    ] == [made.id]
    theirs.user_collaborations.update_collaboration_by_id(made.id, status=UpdateCollaborationByIdStatus.ACCEPTED)
    assert theirs.folders.get_folder_by_id(folder.id, fields=["is_externally_owned"]).is_externally_owned is True


def test_an_unknown_login_is_invited_by_mail(client, folder):
    login = f"{name()}@nowhere.example"
    made = invite(client, folder.id, "viewer", login=login)
    assert (made.status.value, made.invite_email, made.accessible_by.name) == ("pending", login, "")


def test_ownership_can_be_given_away(client, someone):
    folder = put_folder(client, f"gift-{name()}")
    made = invite(client, folder.id, "editor", someone[0])
    client.user_collaborations.update_collaboration_by_id(made.id, role=UpdateCollaborationByIdRole.OWNER)
    assert someone[1].folders.get_folder_by_id(folder.id).owned_by.id == someone[0]
    mine = client.list_collaborations.get_folder_collaborations(folder.id).entries
    assert [str(entry.role) for entry in mine] == ["co-owner"]


def test_the_highest_role_counts(client, someone, folder):
    sub = put_folder(client, "sub", folder.id)
    invite(client, folder.id, "previewer", someone[0])
    invite(client, sub.id, "editor", someone[0])
    put_folder(someone[1], "x", sub.id)
    assert error_of(put_folder, someone[1], "x", folder.id)[0] == 403


def test_a_locked_file_is_safe_from_others(client, box, someone, folder):
    file = put_file(client, "a.txt", b"abc", folder.id)
    invite(client, folder.id, "editor", someone[0])
    lock = UpdateFileByIdLock(access=UpdateFileByIdLockAccessField.LOCK, is_download_prevented=True)
    locked = client.files.update_file_by_id(file.id, lock=lock, fields=["lock"]).lock
    assert locked.is_download_prevented is True
    denied = (403, "access_denied_item_locked")
    assert error_of(someone[1].files.update_file_by_id, file.id, name="b") == denied
    assert error_of(someone[1].files.delete_file_by_id, file.id) == denied
    assert error_of(someone[1].downloads.download_file, file.id) == denied
    assert client.files.update_file_by_id(file.id, name="mine.txt").name == "mine.txt"
    assert client.files.update_file_by_id(file.id, lock=create_null(), fields=["lock"]).lock is None
    someone[1].files.delete_file_by_id(file.id)


def test_a_lock_expires(client, http, box, someone, folder):
    file = put_file(client, "a.txt", b"abc", folder.id)
    invite(client, folder.id, "editor", someone[0])
    body = {"lock": {"access": "lock", "expires_at": "2030-01-01T00:00:00Z"}}
    assert (
        http("PUT", f"/2.0/files/{file.id}?fields=lock", json=body).json()["lock"]["expired_at"]
        == "2029-12-31T16:00:00-08:00"
    )
    box.control(clock_offset=20 * 365 * 86400)
    theirs = client_of(box, box.token(someone[0]))
    assert theirs.files.update_file_by_id(file.id, name="b").name == "b"


def test_a_locked_folder_stays_where_it_is(client, folder):
    sub, target = put_folder(client, "sub", folder.id), put_folder(client, "target", folder.id)
    lock = client.folder_locks.create_folder_lock(CreateFolderLockFolder(type="folder", id=sub.id))
    assert [entry.id for entry in client.folder_locks.get_folder_locks(sub.id).entries] == [lock.id]
    denied = (403, "access_denied_insufficient_permissions")
    assert error_of(client.folders.delete_folder_by_id, sub.id) == denied
    assert error_of(client.folders.update_folder_by_id, sub.id, parent=UpdateFolderByIdParent(id=target.id)) == denied
    client.folder_locks.delete_folder_lock_by_id(lock.id)
    client.folders.delete_folder_by_id(sub.id)


def test_a_folder_is_locked_by_its_owners_and_wholly(client, http, someone, folder):
    invite(client, folder.id, "editor", someone[0])
    lock = CreateFolderLockFolder(type="folder", id=folder.id)
    assert error_of(someone[1].folder_locks.create_folder_lock, lock) == (404, "not_found")
    half = CreateFolderLockLockedOperations(move=True, delete=False)
    refused = error_of(client.folder_locks.create_folder_lock, lock, locked_operations=half)
    assert refused == (400, "schema_validation_failed")
    assert error_of(client.folder_locks.get_folder_locks, "x") == (405, "method_not_allowed")


def test_shared_links_open_doors(client, someone, folder):
    file = put_file(client, "a.txt", b"abc", folder.id)
    access = AddShareLinkToFileSharedLinkAccessField.OPEN
    made = client.shared_links_files.add_share_link_to_file(
        file.id, "shared_link", shared_link=AddShareLinkToFileSharedLink(access=access, password="secret-word")
    ).shared_link
    assert made.is_password_enabled is True
    assert "secret-word" not in str(made.to_dict())
    theirs = someone[1]
    header = f"shared_link={made.url}"
    find = theirs.shared_links_files.find_file_for_shared_link
    assert error_of(find, header) == (403, "incorrect_shared_item_password")
    header += "&shared_link_password=secret-word"
    assert find(header).id == file.id
    assert theirs.files.get_file_by_id(file.id, boxapi=header).id == file.id
    assert theirs.downloads.download_file(file.id, boxapi=header).read() == b"abc"
    assert error_of(theirs.files.get_file_by_id, file.id)[0] == 404
    shown = client.shared_links_files.get_shared_link_for_file(file.id, "shared_link").shared_link
    assert (shown.download_count, shown.preview_count) == (1, 1)
    client.shared_links_files.remove_shared_link_from_file(file.id, "shared_link", shared_link=create_null())
    assert error_of(find, header)[0] == 404


def test_a_link_without_download_shows_only(client, someone, folder):
    file = put_file(client, "a.txt", b"abc", folder.id)
    link = AddShareLinkToFileSharedLink(
        access=AddShareLinkToFileSharedLinkAccessField.COMPANY,
        permissions=AddShareLinkToFileSharedLinkPermissionsField(can_download=False),
    )
    made = client.shared_links_files.add_share_link_to_file(file.id, "shared_link", shared_link=link).shared_link
    assert made.effective_permission.value == "can_preview"
    header = f"shared_link={made.url}"
    assert someone[1].files.get_file_by_id(file.id, boxapi=header).id == file.id
    assert error_of(someone[1].downloads.download_file, file.id, boxapi=header)[0] == 403


@pytest.mark.parametrize(
    ("access", "inside", "outside"), [("open", True, True), ("company", True, False), ("collaborators", False, False)]
)
def test_link_access_levels(client, box, someone, folder, access, inside, outside):
    link = AddShareLinkToFolderSharedLink(access=AddShareLinkToFolderSharedLinkAccessField(access))
    made = client.shared_links_folders.add_share_link_to_folder(folder.id, "shared_link", shared_link=link).shared_link
    stranger = box.add_user("Stranger", enterprise=box.add_enterprise("Strangers"))
    for user, allowed in [(someone[0], inside), (stranger, outside)]:
        answer = Http(box, box.token(user))("GET", "/2.0/shared_items", headers={"boxapi": f"shared_link={made.url}"})
        assert answer.status_code == (200 if allowed else 404)


@pytest.mark.parametrize(
    "link",
    [
        {"access": "company", "password": "x"},
        {"access": "collaborators", "permissions": {"can_download": True}},
        {"access": "everyone"},
        {"access": "open", "vanity_name": "short"},
        {"access": "open", "unshared_at": "soon"},
    ],
)
def test_bad_links_are_refused(http, folder, link):
    assert http("PUT", f"/2.0/folders/{folder.id}?fields=shared_link", json={"shared_link": link}).status_code == 400


def test_anyone_follows_an_open_link(http, client, box, folder):
    import requests

    file = put_file(client, "a.txt", b"abc", folder.id)
    made = http("PUT", f"/2.0/files/{file.id}?fields=shared_link", json={"shared_link": {"access": "open"}}).json()[
        "shared_link"
    ]
    assert requests.get(made["download_url"], timeout=10).content == b"abc"
    assert b"This is not Box" in requests.get(made["url"], timeout=10).content


def test_favourites_and_recent_items(client, folder):
    collection = client.collections.get_collections().entries[0]
    assert client.collections.get_collection_by_id(collection.id).name.value == "Favorites"
    client.folders.update_folder_by_id(folder.id, collections=[UpdateFolderByIdCollections(id=collection.id)])
    assert folder.id in [item.id for item in client.collections.get_collection_items(collection.id).entries]
    client.folders.update_folder_by_id(folder.id, collections=[])
    assert folder.id not in [item.id for item in client.collections.get_collection_items(collection.id).entries]
    file = put_file(client, "a.txt", b"abc", folder.id)
    assert client.recent_items.get_recent_items().entries[0].item.id == file.id


def test_comments(client, someone, folder):
    file = put_file(client, "a.txt", b"abc", folder.id)
    item = CreateCommentItem(id=file.id, type=CreateCommentItemTypeField.FILE)
    made = client.comments.create_comment("Look", item)
    reply = client.comments.create_comment(
        "Yes", CreateCommentItem(id=made.id, type=CreateCommentItemTypeField.COMMENT)
    )
    assert (reply.is_reply_comment, reply.item.id) == (True, made.id)
    assert client.comments.get_file_comments(file.id).total_count == 2
    assert client.comments.update_comment_by_id(made.id, message="See").message == "See"
    assert client.comments.get_comment_by_id(made.id).message == "See"
    client.comments.delete_comment_by_id(reply.id)
    assert error_of(client.comments.get_comment_by_id, reply.id)[0] == 404
    assert error_of(someone[1].comments.get_comment_by_id, made.id)[0] == 404
