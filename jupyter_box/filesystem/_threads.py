"""The threads in which this face waits for several answers at once; the requests themselves are paced by `transfer`."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

THREADS = 16  # as many as the transfers of a process have requests under way by default


@lru_cache
def pool() -> ThreadPoolExecutor:
    """Return the pool; work in it must not wait for other work in it."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="box-filesystem")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool.cache_clear)  # a forked child has none of its parent's threads
