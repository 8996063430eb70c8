"""The file system of `box://`: its settings and its identity; what it does is in the classes that it is made of."""

from __future__ import annotations

from typing import Any

from fsspec.utils import tokenize

from jupyter_box import paths, shared

from ._addresses import PROTOCOL
from ._carrying import Carrying
from ._reading import BLOCK, Blocks
from ._rearranging import Rearranging

_OF_ASYNC = ("asynchronous", "batch_size", "loop")  # fsspec's callers give them to every file system
_LISTED = 10.0  # seconds: for so long a change that someone else made may not be seen in a folder listed before


class BoxFileSystem(Carrying, Rearranging):
    """Box for whatever speaks fsspec: pandas, PyArrow, DuckDB, Dask, Zarr.

    `box:///Maintenance/x.csv` and `box://Maintenance/x.csv` start from the drive's root, `box://./x.csv` from the
    current folder of the magics, `box://id:123` is an item by its id; `?version=456` after a file means one of its
    versions. Without settings it is the drive of the shell's magics, or else that of the environment.

    Missing folders are made, what is removed goes to Box's trash, and overwriting a file makes a new version. An
    instance pickles as its settings, which hold no secret: where it is unpickled, the environment says who we are.

    Args:
        block_size: Bytes of a block of an open file.
        cache_type: The name of another of fsspec's caches for open files.
        cache_options: For that cache; for our own, `kept` and `ahead` in blocks.
        use_listings_cache: Whether listings are remembered.
        listings_expiry_time: For how many seconds. A change made by this process is seen at once in any case.
        options: `max_paths` of fsspec, and settings of `BoxConfig`, as in `root_folder="123"`.

    Raises:
        TypeError: An option is neither.
    """

    protocol = PROTOCOL
    root_marker = paths.ROOT
    blocksize = BLOCK

    def __init__(
        self,
        *,
        block_size: int = BLOCK,
        cache_type: str = Blocks.name,
        cache_options: dict[str, Any] | None = None,
        use_listings_cache: bool = True,
        listings_expiry_time: float | None = _LISTED,
        max_paths: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            use_listings_cache=use_listings_cache, listings_expiry_time=listings_expiry_time, max_paths=max_paths
        )
        self.blocksize = block_size
        self._cache = (cache_type, cache_options)
        self._settings = _settings(options)

    @classmethod
    def clear_instance_cache(cls) -> None:
        """Begin anew: with the next file system, settings and environment are read again."""
        super().clear_instance_cache()
        shared.forget()

    def __dask_tokenize__(self) -> str:
        return str(tokenize(type(self), self.storage_options))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.storage_options == other.storage_options

    def __hash__(self) -> int:
        return hash(self.__dask_tokenize__())


def _settings(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options if all of them are settings of `BoxConfig`."""
    from jupyter_box.config import BoxConfig

    given = {option: value for option, value in options.items() if option not in _OF_ASYNC}
    unknown = sorted(set(given) - set(BoxConfig.class_own_traits(config=True)))
    if unknown:
        raise TypeError(
            f"box:// has no option {', '.join(unknown)}. Options are the settings of BoxConfig; secrets come from "
            "the environment or from files only."
        )
    return given
