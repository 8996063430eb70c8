"""Other people: shared links, collaborations and locks."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone

import pytest

from jupyter_box import connect
from jupyter_box.errors import Denied, Exists, InvalidName, NotFound
from jupyter_box.items import ROLES


def tomorrow():
    return datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=1)


@pytest.fixture
def colleague(box):
    """A person in the enterprise."""
    login = f"line-lead-{uuid.uuid4().hex[:8]}@example.com"
    return login, box.add_user("Line Lead", login)


@pytest.fixture
def as_colleague(box_environment, monkeypatch, colleague):
    """The drive of that person."""
    monkeypatch.setenv("BOX_USER_ID", colleague[1])
    with connect() as drive:
        yield drive


def test_a_link_is_made_and_kept(drive):
    drive.write("/x.csv", "x")
    link = drive.share("/x.csv", access="open")
    assert link.url
    assert link.access == "open"
    assert drive.share("/x.csv") == link == drive.stat("/x.csv").shared_link


def test_what_is_not_given_stays_as_it_is(drive):
    drive.write("/x.csv", "x")
    drive.share("/x.csv", access="open")
    link = drive.share("/x.csv", expires=tomorrow())
    assert (link.access, link.expires) == ("open", tomorrow())
    link = drive.share("/x.csv", can_download=False)
    assert (link.access, link.can_download) == ("open", False)


def test_a_link_can_have_a_password(drive):
    drive.mkdir("/a")
    assert drive.share("/a", access="open", password="Correct horse 1").has_password


def test_a_link_loses_its_password_and_its_end(drive):
    drive.write("/x.csv", "x")
    made = drive.share("/x.csv", access="open", password="Correct horse 1", expires=tomorrow(), can_download=False)
    open_to_all = drive.share("/x.csv", without=["password"])
    assert (open_to_all.has_password, open_to_all.expires) == (False, tomorrow())
    lasting = drive.share("/x.csv", without=["expires"])
    assert (lasting.url, lasting.access, lasting.expires, lasting.can_download) == (made.url, "open", None, False)


def test_a_link_that_is_no_longer_open_needs_no_password(drive):
    drive.write("/x.csv", "x")
    drive.share("/x.csv", access="open", password="Correct horse 1")
    link = drive.share("/x.csv", access="company", without=("password",))
    assert (link.access, link.has_password) == ("company", False)


def test_a_link_can_be_removed(drive):
    drive.write("/x.csv", "x")
    drive.share("/x.csv")
    assert drive.unshare("/x.csv").shared_link is None
    assert drive.stat("/x.csv").shared_link is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"access": "everyone"},
        {"access": "company", "password": "Correct horse 1"},
        {"access": "collaborators", "can_download": True},
        {"expires": datetime(2020, 1, 1)},  # noqa: DTZ001  a time as people write it
        {"without": ["access"]},
        {"access": "open", "password": ""},
    ],
    ids=str,
)
def test_a_link_that_cannot_be_is_refused(drive, wrong):
    drive.write("/x.csv", "x")
    with pytest.raises(InvalidName):
        drive.share("/x.csv", **wrong)
    assert drive.stat("/x.csv").shared_link is None


def test_an_accounts_own_root_is_not_shared(box_environment):
    with connect() as whole:
        for act in (whole.share, lambda path: whole.invite(path, "a@example.com")):
            with pytest.raises(Denied, match="root cannot be shared"):
                act("/")


@pytest.mark.parametrize("by", ["login", "id"])
def test_an_invited_colleague_sees_the_folder(drive, colleague, as_colleague, by):
    name = f"shared-{uuid.uuid4().hex[:8]}"
    drive.mkdir(f"/{name}")
    drive.write(f"/{name}/x", "x")
    collaboration = drive.invite(f"/{name}", colleague[0] if by == "login" else colleague[1], role="viewer")
    assert (collaboration.role, collaboration.who.login) == ("viewer", colleague[0])
    assert as_colleague.read(f"/{name}/x") == b"x"
    with pytest.raises(Denied):
        as_colleague.write(f"/{name}/new", "x")


@pytest.mark.parametrize("role", ROLES)
def test_every_role_can_be_given(drive, colleague, role):
    drive.mkdir("/a")
    assert drive.invite("/a", colleague[0], role=role).role == role
    assert [(c.who.id, c.role) for c in drive.collaborators("/a") if c.who.id == colleague[1]] == [(colleague[1], role)]


def test_a_role_changes_and_a_collaboration_ends(drive, colleague):
    drive.mkdir("/a")
    drive.invite("/a", colleague[0])
    assert drive.set_role("/a", colleague[0].upper(), "editor").role == "editor"
    drive.uninvite("/a", colleague[1])
    assert colleague[1] not in [c.who.id for c in drive.collaborators("/a")]
    with pytest.raises(NotFound, match="no collaborator of /a"):
        drive.uninvite("/a", colleague[0])


def test_a_second_invitation_is_the_first(drive, colleague):
    drive.mkdir("/a")
    first = drive.invite("/a", colleague[0], role="editor")
    assert drive.invite("/a", colleague[0], role="editor").id == first.id
    with pytest.raises(Exists, match="as editor"):
        drive.invite("/a", colleague[0], role="viewer")


def test_a_lost_reply_to_an_invitation_is_recognised(drive, colleague, box):
    drive.mkdir("/a")
    box.fault("lost_reply", "POST .*/collaborations")
    assert drive.invite("/a", colleague[1], role="editor").role == "editor"


def test_an_unknown_role_is_refused(drive, colleague):
    drive.mkdir("/a")
    for act in (drive.invite, lambda *args, role: drive.set_role(*args, role)):
        with pytest.raises(InvalidName, match="no role 'owner'"):
            act("/a", colleague[0], role="owner")


def test_a_group_is_invited_by_name_or_id(drive):
    name = f"Line {uuid.uuid4().hex[:8]}"
    group = drive.client.groups.create_group(name)
    drive.client.groups.create_group(f"{name} night shift")
    drive.mkdir("/a")
    drive.mkdir("/b")
    assert drive.invite("/a", name.upper(), group=True).kind == "group"
    assert drive.invite("/b", group.id, group=True, role="editor").who.name == name
    assert [c.kind for c in drive.collaborators("/b") if c.kind == "group"] == ["group"]
    with pytest.raises(NotFound, match="no group 'Nobody'"):
        drive.invite("/a", "Nobody", group=True)


def test_a_lock_keeps_others_out(drive, colleague, as_colleague):
    name = f"locked-{uuid.uuid4().hex[:8]}"
    drive.mkdir(f"/{name}")
    drive.write(f"/{name}/x", "x")
    drive.invite(f"/{name}", colleague[0], role="editor")
    lock = drive.lock(f"/{name}/x", expires=tomorrow(), prevent_download=True).lock
    assert (lock.expires, lock.prevents_download) == (tomorrow(), True)
    for act in (lambda path: as_colleague.write(path, "new"), as_colleague.remove, as_colleague.unlock):
        with pytest.raises(Denied):
            act(f"/{name}/x")
    assert drive.unlock(f"/{name}/x").lock is None
    as_colleague.write(f"/{name}/x", "new")
    assert drive.read(f"/{name}/x") == b"new"


def test_only_files_are_locked(drive):
    drive.mkdir("/a")
    with pytest.raises(InvalidName, match="/a is a folder"):
        drive.lock("/a")
    drive.write("/x", "x")
    with pytest.raises(InvalidName, match="past"):
        drive.lock("/x", expires=datetime(2020, 1, 1, tzinfo=timezone.utc))
