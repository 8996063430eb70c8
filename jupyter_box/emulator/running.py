"""An emulator in a background thread, for tests and demos: started and stopped like any context manager."""

from __future__ import annotations

import asyncio
import os
import secrets
import threading
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from jupyter_box.emulator.server import Server
from jupyter_box.emulator.store import Store
from jupyter_box.emulator.tokens import ALL_SCOPES, jwt_config, new_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from jupyter_box.emulator.server import OnResponse

T = TypeVar("T")
READY_WITHIN = 30


@lru_cache(maxsize=1)
def _process_key() -> tuple[str, str, str]:
    """Return passphrase, private and public key; made once a process, because making one takes a while."""
    passphrase = secrets.token_hex(16)
    return (passphrase, *new_key(passphrase))


class Emulator:
    """A Box API on loopback: `url` is its address, `env` what a client needs to use it.

    Args:
        data: The folder to keep the drive in; None keeps it in memory and a temporary folder, gone at `stop`.
        port: The port of the API; 0 takes a free one.
        seed: Whether to fill an empty drive with the sample.
        on_response: Told operation, method, status and JSON of each answer.
        switches: Anything `control` takes.
    """

    def __init__(
        self,
        data: str | Path | None = None,
        port: int = 0,
        seed: bool = False,
        on_response: OnResponse | None = None,
        **switches: Any,
    ) -> None:
        self._data = data
        self._port = port
        self._seed = seed
        self._on_response = on_response
        self._switches = switches
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._env: dict[str, str] | None = None
        self.server: Server

    def start(self) -> Emulator:
        """Start serving; return when ready. Raises OSError for a taken port, ValueError for an unknown switch."""
        ready: list[BaseException | None] = []
        started = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready, started), name="box-emulator", daemon=True)
        self._thread.start()
        started.wait(READY_WITHIN)
        if ready and ready[0] is not None:
            self._thread.join()
            self._thread = None
            raise ready[0]
        return self

    def _serve(self, ready: list[BaseException | None], started: threading.Event) -> None:
        asyncio.run(self._main(ready, started))

    async def _main(self, ready: list[BaseException | None], started: threading.Event) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        store = None
        try:
            store = Store(self._data)
            self._prepare(store)
            ready.append(None)
            started.set()
            await self._stopping.wait()
            await self.server.close()
        except BaseException as error:  # noqa: BLE001 - the caller's thread raises it
            ready.append(error)
        finally:
            if store is not None:
                store.close()
            started.set()

    def _prepare(self, store: Store) -> None:
        self.server = Server(store, self._on_response)
        self.server.control.start(self._switches)
        with store.transaction():
            _first_start(store)
        if self._seed and store.value("SELECT value FROM settings WHERE name = 'seeded'") is None:
            from jupyter_box.emulator.seed import plant

            with store.transaction():
                plant(store)
        self.server.listen(self._port)

    def stop(self) -> None:
        """Stop serving; a drive in memory is gone then. May be called twice."""
        if self._thread is None or self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)
        self._thread = None

    def __enter__(self) -> Emulator:  # noqa: PYI034 - nobody subclasses it
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def call(self, function: Callable[[Store], T]) -> T:
        """Return what `function(store)` does within a transaction, in the emulator's thread."""

        async def run() -> T:
            with self.server.store.transaction():
                return function(self.server.store)

        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    @property
    def url(self) -> str:
        """Return the address of the API, to be used as BOX_URL."""
        return self.server.base

    @property
    def env(self) -> dict[str, str]:
        """Return the environment of a client: address and credentials; writes the JWT configuration on first use."""
        if self._env is None:
            self._env = {"BOX_URL": self.url, **self.call(_credentials)}
        return dict(self._env)

    def control(self, **switches: Any) -> dict[str, Any]:
        """Turn switches while running; return all as they are then, with the request counts and the log."""

        async def change() -> dict[str, Any]:
            return self.server.control.change(switches)

        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(change(), self._loop).result()

    def fault(self, fault: str, route: str = "", **details: Any) -> None:
        """Add one fault for requests whose "METHOD path" the regular expression `route` finds; see `faults.Rule`."""
        self.control(fault={"fault": fault, "route": route, **details})

    def clear(self) -> None:
        """Remove all faults, let held requests go on, and count requests from nothing."""
        self.control(faults=[], reset_counts=True)

    def reset_control(self) -> None:
        """Turn all switches back to how the emulator was made; no faults, nothing held, no counts."""
        self.control(reset=True)

    @property
    def counts(self) -> dict[str, int]:
        """Return how many requests each operation had, by its name in Box's OpenAPI."""
        counts: dict[str, int] = self.control()["counts"]
        return counts

    @property
    def log(self) -> list[dict[str, Any]]:
        """Return the latest requests: method, path, operation, status, user, bytes received; no secrets."""
        log: list[dict[str, Any]] = self.control()["log"]
        return log

    def wait_held(self, name: str = "", count: int = 1, timeout: float = 10) -> None:
        """Return once the hold `name` keeps `count` requests waiting; raise TimeoutError when it does not."""
        deadline = time.monotonic() + timeout
        while self.server.faults.held_by(name) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the hold {name!r} keeps no {count} requests after {timeout} s")
            time.sleep(0.005)

    def release(self, name: str | bool = True) -> None:
        """Let the requests of a hold go on, or of all."""
        self.control(release=name)

    def token(self, user: str | None = None, scopes: str | None = None, lifetime: float = 3600) -> str:
        """Return a token of a user, or of the service account, as the developer console hands them out."""

        def issue(store: Store) -> str:
            app = _main_app(store)
            return store.tokens.issue(int(user or app["service_account"]), app["id"], lifetime, scopes=scopes)

        return self.call(issue)

    @property
    def service_account(self) -> str:
        """Return the id of the service account."""
        return self.call(lambda store: str(_main_app(store)["service_account"]))

    def add_user(
        self,
        name: str,
        login: str | None = None,
        *,
        app_user: bool = False,
        enterprise: str | None = None,
        **values: Any,
    ) -> str:
        """Add a managed user, or an app user; return the id."""
        login = login or f"{name.lower().replace(' ', '.')}.{secrets.token_hex(3)}@example.com"
        kind = "app" if app_user else "managed"

        def add(store: Store) -> str:
            return str(store.people.add(name, login, int(enterprise or _main_app(store)["enterprise"]), kind, **values))

        return self.call(add)

    def add_enterprise(self, name: str) -> str:
        """Add another enterprise; return its id."""
        return self.call(lambda store: str(store.people.add_enterprise(name)))

    def add_app(
        self, name: str = "Another app", enterprise: str | None = None, scopes: str = ALL_SCOPES, **details: Any
    ) -> dict[str, str]:
        """Register another app; return its environment. `details` are the flags of `store.tokens.Tokens.add_app`."""

        def add(store: Store) -> dict[str, str]:
            app = store.tokens.add_app(name, int(enterprise or _main_app(store)["enterprise"]), scopes, **details)
            return {
                "BOX_URL": self.url,
                "BOX_CLIENT_ID": app["id"],
                "BOX_CLIENT_SECRET": app["secret"],
                "BOX_ENTERPRISE_ID": str(app["enterprise"]),
                "BOX_JWT_CONFIG_FILE": _write_jwt_config(store, app["id"]),
            }

        return self.call(add)

    def fill(self, folder: str, count: int, prefix: str = "file-", content: str = "") -> None:
        """Put `count` small files into a folder at once; 100,000 take about a second."""
        self.control(fill={"folder": self._inner(folder), "count": count, "prefix": prefix, "content": content})

    def _inner(self, folder: str) -> int:
        return -int(self.service_account) if folder == "0" else int(folder)


def _first_start(store: Store) -> None:
    """Make the enterprise, its administrator and the app, unless the drive has them."""
    if store.one("SELECT 1 FROM apps") is not None:
        return
    store.insert("settings", name="signing_key", value=secrets.token_hex(32))
    enterprise = store.people.add_enterprise("Example Bottling")
    store.people.add("Ada Admin", "ada.admin@example.com", enterprise, role="admin")
    store.tokens.add_app("jupyter-box", enterprise, ALL_SCOPES)


def _main_app(store: Store) -> Any:
    return store.one("SELECT * FROM apps ORDER BY rowid LIMIT 1")


def _credentials(store: Store) -> dict[str, str]:
    app = _main_app(store)
    return {
        "BOX_CLIENT_ID": app["id"],
        "BOX_CLIENT_SECRET": app["secret"],
        "BOX_ENTERPRISE_ID": str(app["enterprise"]),
        "BOX_JWT_CONFIG_FILE": _write_jwt_config(store, app["id"]),
    }


def _write_jwt_config(store: Store, client_id: str) -> str:
    """Return the file with the app's JWT configuration, made with a new key when there is none."""
    path = store.folder / f"jwt-config-{client_id[:8]}.json"
    if not path.exists():
        passphrase, private, public = _process_key()
        store.update("apps", client_id, key_id=secrets.token_hex(4), public_key=public)
        app = store.tokens.app(client_id)
        assert app is not None
        write_secret(path, jwt_config(app, private, passphrase, app["enterprise"]))
    return str(path.resolve())


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
