"""Box.com storage in Jupyter: the composition root, which wires the hooks of Jupyter and IPython.

Everything is imported inside the functions, so that neither a server's start nor `%load_ext` waits for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from traitlets.config import Config

    from .drive import Drive

__all__ = ["__version__", "connect"]


def connect(config: Config | None = None, **settings: Any) -> Drive:
    """Return the drive: Box as the settings and the environment say.

    Nothing is sent before the first operation. The drive may be used from several threads, and as a context manager.

    Args:
        config: A traitlets configuration, as Jupyter's applications have one.
        settings: Settings of `BoxConfig` by name; they win over the environment, as in `root_folder="/Maintenance"`.

    Raises:
        NotConfigured: There are no credentials, or only half of them.
    """
    from .config import BoxConfig
    from .drive import Drive

    return Drive.connect(BoxConfig(config=config, **settings))


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .server.extension import BoxExtension

    return [{"module": "jupyter_box", "app": BoxExtension}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "jupyter-box"}]


def load_ipython_extension(shell: Any) -> None:
    """Register the magics: `%load_ext jupyter_box`."""
    from .magics import register

    register(shell, _browse)


def _browse(drive: Drive, path: str) -> Any:
    from .widgets import BoxBrowser

    return BoxBrowser(drive, path)
