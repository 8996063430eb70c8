"""The items' places and names: make folders, move, rename, copy, remove."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

from jupyter_box import paths
from jupyter_box.errors import Exists, InvalidName, NotFound
from jupyter_box.items import FIELDS, Item
from jupyter_box.lookup import Ref, not_a_folder
from jupyter_box.paths import key
from jupyter_box.transfer.folders import Made, make_folders
from jupyter_box.transfer.taken import taken

from ._core import Core, address

T = TypeVar("T")


class Rearranging(Core):
    """Changes where items are."""

    def mkdir(self, path: str) -> Item:
        """Make a folder and those above it that are missing; returns what is there if it exists already.

        Twins, which Box makes when two requests for one name come at the same moment, are reconciled: the folder with
        the lowest id stays, and the empty one that we made goes to the trash.

        Raises:
            Exists: A file has the name.
            InvalidName: A name is none for Box, or the path goes through a file.
            Denied: Our role in the folder above does not allow it.
        """
        whole = self._path(path)
        folder, missing, found = self._lookup.reach(whole)
        if missing:
            return self._make_below(folder, missing)
        if found is None:
            raise self._lookup.absence.of(whole)
        if not found.is_folder:
            raise taken(found)
        return found

    def move(self, path: str, target: str) -> Item:
        """Move an item; its id, versions, shared link and collaborators stay with it.

        Args:
            path: The item.
            target: A folder, into which it goes under its own name; or its new path, whose folder must exist.

        Returns:
            The item at its new place.

        Raises:
            NotFound: The item or the target's folder is not there.
            Exists: Something else has the name at the target.
            InvalidName: A folder cannot go into itself.
            Denied: Our role does not allow it, or a lock forbids it.
            Busy: Box is still at work on one of the folders.
        """
        item = self._below_root(path, "moved")
        folder, name = self._target(item, target)
        if _inside(folder.path, item):
            raise InvalidName(f"{item.path} cannot be moved into itself.", hint="Choose another folder.")
        moved = self._update(item, name=name, parent={"id": folder.id})
        self._moved(item, moved)
        return moved

    def rename(self, path: str, name: str) -> Item:
        """Give an item another name in the same folder.

        Raises:
            NotFound: The item is not there.
            Exists: Something else has the name.
            InvalidName: Box does not take the name.
            Denied: Our role does not allow it, or a lock forbids it.
        """
        item = self._below_root(path, "renamed")
        renamed = self._update(item, name=paths.check_name(name))
        self._moved(item, renamed)
        return renamed

    def copy(self, path: str, target: str) -> Item:
        """Copy a file or a folder within Box; the copy has the latest version only.

        Args:
            path: The item.
            target: A folder, into which the copy goes under the same name; or the copy's path, whose folder must exist.

        Returns:
            The copy.

        Raises:
            NotFound: The item or the target's folder is not there.
            Exists: Something has the name at the target, the item itself included.
            Denied: Our role does not allow it.
            Busy: Box is still at work on one of the folders.
        """
        item = self._below_root(path, "copied")
        if item.type == "web_link":
            raise InvalidName(f"{item.path} is a web link.", hint="Box copies files and folders only.")
        folder, name = self._target(item, target)
        if taken := self._lookup.child(folder, name, anew=True):
            raise Exists(f"{taken.path} exists already.", hint="Choose another name.", item_id=taken.id)
        body = {"name": name, "parent": {"id": folder.id}}
        whole = paths.below(folder.path, name)
        try:
            json = self._session.call("POST", f"{address(item)}/copy", params={"fields": FIELDS}, json=body, what=whole)
        except Exists:
            return self._own_copy(item, whole)
        return self._placed(json, whole)

    def remove(self, path: str, *, recursive: bool = True) -> None:
        """Move an item to Box's trash, from where `restore` brings it back; where the trash is off, it is gone.

        Args:
            path: The item.
            recursive: Whether a folder goes with all that is in it; else only an empty one goes.

        Raises:
            NotFound: The item is not there.
            Denied: It is the drive's root, our role does not allow it, or a lock forbids it.
            BoxError: The folder is not empty, and not `recursive` (code `folder_not_empty`).
            Busy: Box is still at work on the folder.
        """
        item = self._below_root(path, "removed")
        query = {"recursive": str(recursive).lower()} if item.is_folder else None
        # it was there a moment ago: if it is gone, the answer to our own request was lost, or someone else was quicker
        with suppress(NotFound):
            self._session.call("DELETE", address(item), params=query, what=item.path)
        self._lookup.forget(item)

    def _target(self, item: Item, target: str) -> tuple[Ref, str]:
        whole = self._path(target)
        found = self._lookup.find(whole)
        if found and found.is_folder and found.id != item.id:
            return Ref(found.id, "folder", found.path), item.name
        if found and (found.id, found.type) != (item.id, item.type):
            raise taken(found)
        if paths.is_id(whole) and not found:
            raise self._lookup.absence.of(whole)
        parent, name = paths.split(found.path if found and paths.is_id(whole) else whole)
        return self._lookup.folder(parent), name

    def _moved(self, before: Item, after: Item) -> None:
        self._lookup.forget(before)
        self._lookup.remember(after)
        if before.is_folder and paths.parts(self._cwd)[: len(paths.parts(before.path))] == paths.parts(before.path):
            self._cwd = after.path + self._cwd[len(before.path) :]

    def _own_copy(self, item: Item, path: str) -> Item:
        """Return the copy whose reply was lost: nothing had the name a moment ago, and what has it now is the same."""
        found = self._lookup.item(path)
        if found.type == item.type and (found.sha1, found.size) == (item.sha1, item.size):
            return found
        raise taken(found)

    def _within(self, path: str, act: Callable[[Ref], T]) -> T:
        """Do something in a folder, made if it is not there; once more if what was remembered of it is gone."""
        folder = self._folder_or_new(path)
        try:
            return act(folder)
        except NotFound:
            self._lookup.forget_path(path)
            again = self._folder_or_new(path)
            if again == folder:
                raise
        return act(again)

    def _folder_or_new(self, path: str) -> Ref:
        folder, missing, _ = self._lookup.reach(path, confirm=False)
        if missing:
            made = self._make_below(folder, missing)
            return Ref(made.id, "folder", made.path)
        if folder.type != "folder":
            raise taken(self._lookup.item(path))
        return folder

    def _make_below(self, folder: Ref, names: Sequence[str]) -> Item:
        if folder.type != "folder":
            raise not_a_folder(folder.path)
        made = self._make_folder(folder, names[0])
        return self._make_below(Ref(made.id, "folder", made.path), names[1:]) if names[1:] else made

    def _make_folder(self, parent: Ref, name: str) -> Item:
        return self._new_or_there(parent, name).item

    def _new_or_there(self, parent: Ref, name: str) -> Made:
        made = make_folders(self._session, parent.id, parent.path, [name])[name]
        self._lookup.remember(made.item)
        return made


def _inside(folder: str, item: Item) -> bool:
    """Tell whether the folder's path is the item's or below it."""
    depth = len(paths.parts(item.path))
    return item.is_folder and [key(n) for n in paths.parts(folder)[:depth]] == [key(n) for n in paths.parts(item.path)]
