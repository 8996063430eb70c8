"""The browser that `%box_browse` shows: a folder as Jupyter widgets, its selection readable from Python."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as ipw

from . import paths
from .errors import BoxError, InvalidName
from .show import size, when

if TYPE_CHECKING:
    from .drive import Drive
    from .items import Item, Page

PAGE = 1000  # rows asked for at once: what Box gives by one request
NAME_WIDTH = 48  # characters of a name; a longer one is cut in its middle
MARKS = {"folder": "/", "web_link": " (link)", "file": ""}
ROWS = 16
# Jupyter's server takes no larger message from a browser; it drops the connection without a word
UPLOAD_NOTE = "Upload takes 10 MB at once, as much as Jupyter's messages do; %box_upload takes any size."
_WIDE = {"width": "auto"}
# JupyterLab's own variables, so that it looks right in a light and in a dark theme
_STYLE = """<style>
.jupyter-box-browser { border: 1px solid var(--jp-border-color1, #bdbdbd); padding: 8px; max-width: 900px;
  box-sizing: border-box; overflow: hidden; }
.jupyter-box-browser .widget-select-multiple > label { position: absolute; clip-path: inset(50%); }
.jupyter-box-browser select { font-family: var(--jp-code-font-family, monospace);
  font-size: var(--jp-code-font-size, 13px); color: var(--jp-content-font-color1, inherit);
  background: var(--jp-layout-color1, inherit); white-space: pre; }
.jupyter-box-error { color: var(--jp-error-color1, #b71c1c); }
.jupyter-box-note { color: var(--jp-content-font-color2, inherit); }
</style>"""


class BoxBrowser(ipw.VBox):  # type: ignore[misc]
    """A folder in Box to look around in, with what is selected at hand for the next cell.

    Every question to Box runs in a thread of the browser's own, so that the notebook goes on; what goes wrong is shown
    in the browser.

    Args:
        drive: The drive.
        path: The folder that is shown first.
        page: How many rows are asked for at once.
        local: The local folder that downloads go to.
    """

    def __init__(self, drive: Drive, path: str = ".", *, page: int = PAGE, local: str | Path = ".") -> None:
        self._drive = drive
        self._page = page
        self._local = Path(local)
        self._worker = ThreadPoolExecutor(1, "jupyter-box browser")
        self._lock = threading.Lock()
        self._last: Future[None] | None = None
        self._path = drive.cwd
        self._items: list[Item] = []
        self._marker: str | None = None
        self._total: int | None = None
        self._make_parts()
        super().__init__(self._laid_out())
        self.add_class("jupyter-box-browser")
        self._begin("Opening …", lambda: self._open(self._absolute(path)))

    @property
    def path(self) -> str:
        """The folder that is shown, from the drive's root."""
        return self._path

    @property
    def items(self) -> list[Item]:
        """The items of the folder that have been loaded, the filtered-out ones too."""
        return list(self._items)

    @property
    def selected(self) -> list[Item]:
        """The selected items, in the order of the list."""
        chosen = set(self.listing.value)
        return [item for item in self._items if item.id in chosen]

    def wait(self, timeout: float | None = None) -> BoxBrowser:
        """Return the browser once it has done what was asked of it so far.

        Args:
            timeout: Seconds.

        Raises:
            TimeoutError: It is still at work.
        """
        if self._last:
            self._last.result(timeout)
        return self

    def go(self, path: str) -> None:
        """Show another folder: absolute, relative to the one shown, or an id."""
        self._begin("Opening …", lambda: self._open(self._absolute(path)))

    def refresh(self) -> None:
        """Ask Box again what is in the folder."""
        self._begin("Refreshing …", lambda: self._open(self._path))

    def open_selected(self) -> None:
        """Show the selected folder; a selection of anything else is told that it is none."""
        chosen = self.selected
        if len(chosen) == 1 and chosen[0].is_folder:
            self.go(f"id:{chosen[0].id}" if not chosen[0].path else chosen[0].path)
        else:
            self._tell_error("Select one folder to open it.")

    def load_more(self) -> None:
        """Add the next page of a large folder."""
        self._begin("Loading more …", self._more)

    def make_folder(self, name: str) -> None:
        """Make a folder in the one shown."""
        self._begin("Making the folder …", lambda: self._make_folder(name))

    def upload(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Upload named contents to the folder shown; over an existing name goes a new version."""
        given = list(files)
        self._begin("Uploading …", lambda: self._upload(given))

    def download(self) -> None:
        """Download what is selected to this machine's folder; a local file is kept."""
        chosen = self.selected
        self._begin("Downloading …", lambda: self._download(chosen))

    def close(self) -> None:
        """Remove the browser, and end its thread."""
        self._worker.shutdown(wait=False, cancel_futures=True)
        super().close()

    def _make_parts(self) -> None:
        self.crumbs = ipw.HBox(self._crumbs(), layout=_wrapped())
        self.filter = ipw.Text(placeholder="Filter by name", description="Filter", continuous_update=True)
        self.listing = ipw.SelectMultiple(rows=ROWS, description="Items", layout=ipw.Layout(**_WIDE))
        self.message = ipw.HTML()
        self.name = ipw.Text(placeholder="Name of a new folder", description="New folder")
        self.files = ipw.FileUpload(multiple=True, description="Upload", tooltip="Upload files to this folder")
        self.open_button = _button("Open", "folder-open", "Open the selected folder", self.open_selected)
        self.refresh_button = _button("Refresh", "refresh", "Ask Box again what is in the folder", self.refresh)
        self.download_button = _button("Download", "download", "Download what is selected", self.download)
        self.more_button = _button("Load more", "ellipsis-h", "Load the next page of the folder", self.load_more)
        self.make_button = _button("Make", "plus", "Make the folder", lambda: self.make_folder(self.name.value))
        self.filter.observe(lambda _change: self._show_items(), "value")
        self.files.observe(lambda change: self._uploaded(change["new"]), "value")

    def _laid_out(self) -> tuple[Any, ...]:
        tools = ipw.HBox([self.open_button, self.refresh_button, self.download_button, self.files], layout=_wrapped())
        making = ipw.HBox([self.filter, self.name, self.make_button], layout=_wrapped())
        note = ipw.HTML(f'<span class="jupyter-box-note">{UPLOAD_NOTE}</span>')
        return (ipw.HTML(_STYLE), self.crumbs, tools, note, making, self.listing, self.more_button, self.message)

    def _begin(self, doing: str, work: Callable[[], str]) -> None:
        """Do the work after what is under way; its result, or what went wrong, is shown in place."""
        self._tell(doing)
        with self._lock:
            self._last = self._worker.submit(self._do, work)

    def _do(self, work: Callable[[], str]) -> None:
        try:
            self._tell(work())
        except (BoxError, OSError) as error:
            self._tell_error(str(error))
        except Exception as error:
            self._tell_error(f"{type(error).__name__}: {error}")
            raise

    def _open(self, path: str) -> str:
        page = self._drive.page(path, limit=self._page)
        item = self._drive.stat(path)
        self._path = item.path or path
        self.filter.value = ""
        return self._take([], page)

    def _more(self) -> str:
        if self._marker is None:
            return self._count()
        return self._take(self._items, self._drive.page(self._path, limit=self._page, marker=self._marker))

    def _take(self, before: list[Item], page: Page) -> str:
        self._items, self._marker = [*before, *page.items], page.next_marker
        self._total = page.total if page.total is not None or not before else self._total
        self.more_button.layout.display = "" if self._marker else "none"
        self.crumbs.children = self._crumbs()
        self._show_items()
        return self._count()

    def _count(self) -> str:
        if self._marker is None:
            return f"{len(self._items):,} items" if len(self._items) != 1 else "1 item"
        return f"The first {len(self._items):,} of {f'{self._total:,}' if self._total is not None else 'more'}"

    def _make_folder(self, name: str) -> str:
        made = self._drive.mkdir(paths.join(self._path, name.strip()))
        self.name.value = ""
        self._open(self._path)
        return f"Made {made.name}."

    def _upload(self, files: list[tuple[str, bytes]]) -> str:
        for name, content in files:
            self._drive.write(paths.join(self._path, name), io.BytesIO(content))
        self._open(self._path)
        return f"Uploaded {', '.join(name for name, _ in files)}."

    def _download(self, chosen: list[Item]) -> str:
        if not chosen:
            raise InvalidName("Nothing is selected.", hint="Select files or folders first.")
        for item in chosen:
            self._drive.download(f"id:{item.id}", self._local).raise_for_failures()
        return f"Downloaded {', '.join(item.name for item in chosen)} to {self._local.resolve()}."

    def _uploaded(self, values: Iterable[Any]) -> None:
        files = [(value["name"], bytes(value["content"])) for value in values]
        if files:
            self.files.value = ()
            self.upload(files)

    def _absolute(self, path: str) -> str:
        return paths.normalise(path, self._path)

    def _show_items(self) -> None:
        kept, wanted = self.listing.value, self.filter.value.casefold()
        shown = [item for item in self._items if wanted in item.name.casefold()]
        self.listing.options = [(_row(item), item.id) for item in shown]
        there = {item.id for item in shown}
        self.listing.value = tuple(one for one in kept if one in there)

    def _crumbs(self) -> tuple[Any, ...]:
        names = ["Box", *paths.parts(self._path)]
        places = ["/" + "/".join(names[1 : end + 1]) for end in range(len(names))]
        return tuple(self._crumb(name, place) for name, place in zip(names, places, strict=True))

    def _crumb(self, name: str, place: str) -> Any:
        return _button(name, "", f"Go to {place}", lambda: self.go(place))

    def _tell(self, text: str) -> None:
        self.message.value = f'<span role="status" class="jupyter-box-note">{escape(text)}</span>'

    def _tell_error(self, text: str) -> None:
        self.message.value = f'<span role="alert" class="jupyter-box-error">{escape(text)}</span>'


def _button(text: str, icon: str, tooltip: str, action: Callable[[], None]) -> Any:
    button = ipw.Button(description=text, icon=icon, tooltip=tooltip, layout=ipw.Layout(**_WIDE))
    button.on_click(lambda _button: action())
    return button


def _wrapped() -> Any:
    return ipw.Layout(flex_flow="row wrap")


def _row(item: Item) -> str:
    name = item.name + MARKS[item.type]
    short = name if len(name) <= NAME_WIDTH else f"{name[:30]}…{name[-17:]}"
    locked = "  locked" if item.lock else ""
    return f"{short:{NAME_WIDTH}} {size(item.size):>9}  {when(item.modified)}{locked}"
