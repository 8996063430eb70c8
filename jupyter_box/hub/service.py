"""The broker over HTTP: four routes, JSON errors, an audit log, and an end in good order."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import signal
import socket
import ssl
import sys
import time
import uuid
from collections.abc import Mapping
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, HTTPError, RequestHandler

from jupyter_box.config import BoxConfig, Secret
from jupyter_box.errors import BoxError, InvalidName, NotAuthorized, NotConfigured, TooLarge

from .account import Account
from .bounded import Limits
from .broker import Broker, Throttled, Wanted
from .metrics import CONTENT_TYPE, Metrics
from .settings import BrokerConfig, Settings

LARGEST_BODY = 8 * 1024
# a little more is read, so that what is too large gets an answer that says so
LARGEST_READ = 8 * LARGEST_BODY
LARGEST_HEADERS = 16 * 1024
REFUSALS_PER_MINUTE = 120
END_WITHIN = 45.0

log = logging.getLogger("jupyter_box.broker")


class JsonLines(logging.Formatter):
    """A line of JSON for each record; what is given as `extra={"about": ...}` goes in beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "about", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True)


def audit(event: str, about: Mapping[str, Any]) -> None:
    """Write one line of the audit log."""
    log.info(event, extra={"about": dict(about)})


class Handler(RequestHandler):
    """What all routes share: no caching, no cookies, errors as JSON."""

    broker: Broker
    metrics: Metrics
    refusals: Limits

    def initialize(self, broker: Broker, metrics: Metrics, refusals: Limits) -> None:
        """Take what the application gives."""
        self.broker, self.metrics, self.refusals = broker, metrics, refusals
        self.request_id = uuid.uuid4().hex

    def set_default_headers(self) -> None:
        """Say that nothing of this is to be kept, nor guessed at."""
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")

    def compute_etag(self) -> None:
        """Return no ETag: a hash of a token would leave with it."""

    def fail(self, error: BoxError) -> None:
        """Answer with an error."""
        self.set_status(error.status)
        if error.retry_after:
            self.set_header("Retry-After", str(max(1, round(error.retry_after))))
        if error.status == 401:
            self.set_header("WWW-Authenticate", "token")
        self.finish({**error.to_dict(), "request_id": self.request_id})

    def write_error(self, status_code: int, **_: Any) -> None:
        """Answer what tornado itself refuses, or what broke, as JSON."""
        words = {404: "There is nothing here.", 405: "This route does not take this method."}
        message = words.get(status_code, "The broker could not do this.")
        hint = "The broker has POST /token, GET /healthz, GET /readyz and GET /metrics."
        if status_code >= 500:
            hint = f"The broker's log says why, under {self.request_id}."
        body = {"code": f"http_{status_code}", "message": message, "hint": hint, "request_id": self.request_id}
        self.finish(body)

    def log_exception(self, kind: Any, value: Any, trace: Any) -> None:
        """Log where something broke, without the exception's own words, which may hold what it was about."""
        if not isinstance(value, HTTPError):
            while trace is not None and trace.tb_next is not None:
                trace = trace.tb_next
            where = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
            log.error("broken", extra={"about": {"request_id": self.request_id, "kind": kind.__name__, "where": where}})


class TokenHandler(Handler):
    """`POST /token`."""

    async def post(self) -> None:
        """Answer with a token of the caller's, or with why there is none."""
        about: dict[str, Any] = {"request_id": self.request_id, "address": self.request.remote_ip}
        try:
            grant = await self._grant()
        except BoxError as error:
            self._note(error.status, error.code)
            about |= {"user": self._user(), "code": error.code, "status": error.status}
            audit("refused", {**about, "box_request_id": error.request_id})
            self.fail(error)
            return
        self._note(200, "")
        self.metrics.issued.labels(str(grant.cached).lower()).inc()
        audit("issued", {**about, **grant.audit(), **self._asked()})
        self.finish(grant.answer())

    async def _grant(self) -> Any:
        token = hub_token(self.request.headers.get("Authorization", ""))
        address = str(self.request.remote_ip)
        wait = self.refusals.wait(address)
        if wait and not self.broker.callers.known(token):
            raise Throttled(wait)
        try:
            self.wanted = self._wanted()
            return await self.broker.grant(token, self.wanted)
        except NotAuthorized:
            self.refusals.count(address)
            raise

    def _wanted(self) -> Wanted:
        body, fresh = self.request.body, "no-cache" in self.request.headers.get("Cache-Control", "")
        if len(body) > LARGEST_BODY:
            raise TooLarge("The request is too large.", hint=f"Send {LARGEST_BODY} bytes at most.")
        try:
            json_body = json.loads(body or b"{}")
        except (ValueError, RecursionError):
            raise InvalidName("The request is no JSON.", hint="Send nothing, or JSON.", code="bad_request") from None
        return Wanted.of(json_body, self.broker.account.endpoints.api, fresh=fresh)

    def _user(self) -> str | None:
        _, _, token = self.request.headers.get("Authorization", "").partition(" ")
        caller = self.broker.callers.known(token.strip())
        return caller.name if caller else None

    def _asked(self) -> dict[str, Any]:
        less = self.wanted.less
        return {"scopes": sorted(less.scopes), "resource": less.resource.path if less.resource else None}

    def _note(self, status: int, code: str) -> None:
        self.metrics.requests.labels(str(status), code).inc()
        self.metrics.seconds.observe(self.request.request_time())


class HealthHandler(Handler):
    """`GET /healthz`: we are alive; nobody else is asked."""

    def get(self) -> None:
        """Answer."""
        self.finish({"status": "ok"})


class ReadyHandler(Handler):
    """`GET /readyz`: the Hub answers, and Box takes our credentials."""

    async def get(self) -> None:
        """Answer."""
        try:
            await self.broker.ready()
        except BoxError as error:
            log.warning("not ready", extra={"about": {**error.to_dict(), "request_id": self.request_id}})
            error.status = 503
            self.fail(error)
            return
        self.finish({"status": "ready", "mapping": self.broker.settings.mapping})


class MetricsHandler(Handler):
    """`GET /metrics`, for Prometheus."""

    def get(self) -> None:
        """Answer."""
        self.set_header("Content-Type", CONTENT_TYPE)
        self.finish(self.metrics.text())


class MissingHandler(Handler):
    """Everything else."""

    def prepare(self) -> None:
        """Refuse."""
        raise HTTPError(404)


def hub_token(header: str) -> str:
    """Return the token of an `Authorization` header; `token` and `Bearer` are the same.

    Raises:
        NotAuthorized: There is none.
    """
    scheme, _, token = header.partition(" ")
    if scheme.lower() not in ("token", "bearer") or not token.strip():
        raise NotAuthorized(
            "The request has no Hub token.",
            hint="Send `Authorization: token <JUPYTERHUB_API_TOKEN>`; a token in the address is not looked at.",
            code="no_hub_token",
        )
    return Secret(token.strip())


class Service:
    """The broker as it runs: made, listening, ended.

    Args:
        settings: The broker's.
        config: Box's credentials and addresses.

    Raises:
        NotConfigured: The credentials are none that a broker can work with.
        BoxError: The port is taken, or the address is none of this machine's.
    """

    def __init__(self, settings: Settings, config: BoxConfig) -> None:
        self.settings, self.metrics = settings, Metrics()
        self.broker = Broker(settings, Account(config), audit, self.metrics)
        self.metrics.watch(lambda: len(self.broker.vault))
        self._busy: set[TokenHandler] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._server = HTTPServer(
            self._application(),
            max_body_size=LARGEST_READ,
            max_buffer_size=LARGEST_READ + LARGEST_HEADERS,
            max_header_size=LARGEST_HEADERS,
            idle_connection_timeout=75,
            body_timeout=10,
            ssl_options=_tls(settings),
        )
        sockets = _listening(settings)
        self._server.add_sockets(sockets)
        self.port: int = sockets[0].getsockname()[1]

    async def run(self, ended: asyncio.Event) -> None:
        """Serve until `ended` is set, then finish what has begun."""
        rechecks = asyncio.ensure_future(self._rechecks())
        await ended.wait()
        rechecks.cancel()
        self._server.stop()
        try:
            await asyncio.wait_for(self._idle.wait(), END_WITHIN)
        except asyncio.TimeoutError:
            log.warning("ended with requests under way")
        await self._server.close_all_connections()
        await self.broker.close()

    def _application(self) -> Application:
        given = {
            "broker": self.broker,
            "metrics": self.metrics,
            "refusals": Limits(REFUSALS_PER_MINUTE),
        }
        base = f"(?:{re.escape(self.settings.path)})?/?"
        routes = {
            "token": self._token_handler(),
            "healthz": HealthHandler,
            "readyz": ReadyHandler,
            "metrics": MetricsHandler,
        }
        return Application(
            [(f"{base}{name}", handler, given) for name, handler in routes.items()],
            default_handler_class=MissingHandler,
            default_handler_args=given,
            log_function=lambda _handler: None,
        )

    def _token_handler(self) -> type[TokenHandler]:
        busy, idle = self._busy, self._idle

        class Counted(TokenHandler):
            """Known to the service while it works."""

            def prepare(self) -> None:
                """Begin."""
                busy.add(self)
                idle.clear()

            def on_finish(self) -> None:
                """End."""
                busy.discard(self)
                if not busy:
                    idle.set()

        return Counted

    async def _rechecks(self) -> None:
        while True:
            await asyncio.sleep(self.settings.recheck_seconds)
            try:
                await self.broker.recheck()
            except Exception as error:  # noqa: BLE001  the next round may go well
                log.error("recheck failed", extra={"about": {"kind": type(error).__name__}})  # noqa: TRY400


def _listening(settings: Settings) -> list[socket.socket]:
    try:
        return bind_sockets(settings.port, settings.ip or None)
    except OSError as error:
        raise BoxError(
            f"The broker cannot listen on port {settings.port}: {error.strerror or error}.",
            hint="BOX_BROKER_PORT chooses the port, BOX_BROKER_IP the address.",
        ) from None


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if not settings.certfile:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.certfile, settings.keyfile)
    except OSError as error:
        raise NotConfigured(
            f"BOX_BROKER_CERTFILE or BOX_BROKER_KEYFILE cannot be used: {error.strerror}.", hint="Check the files."
        ) from None
    return context


async def serve(broker: BrokerConfig, box: BoxConfig) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        NotConfigured: A setting is missing or wrong.
        BoxError: It cannot listen.
    """
    settings, ended = broker.settings(), asyncio.Event()
    service = Service(settings, box)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    audit("started", {"port": service.port, "mapping": settings.mapping, "hub": settings.hub_api_url})
    await service.run(ended)
    audit("ended", {})


def log_to_stdout() -> None:
    """Send the log to standard output, a line of JSON each."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # tornado's access log and urllib3's would say addresses and nothing of use
    for name in ("tornado.access", "urllib3"):
        logging.getLogger(name).setLevel(logging.ERROR)
