"""A stand-in for the Kubernetes API server, of the package kmock: keeps objects, for tests of transport and errors.

It proves no validation, no conversion of a Secret's data, no permissions and no injection into pods: those are the real
API server's and kubelet's. What a test makes of it is said with `answer`, and what it was asked stands in `requests`.
"""

from __future__ import annotations

import asyncio
import copy
import json
import threading
from dataclasses import dataclass

import kmock

LISTS = ("pods", "secrets", "services", "deployments", "daemonsets", "networkpolicies")


@dataclass(frozen=True)
class Asked:
    """One request as the API server got it."""

    method: str
    path: str
    params: dict
    content_type: str
    body: object
    text: str


class ApiServer:
    """The server; a context manager. `objects` maps an object's path to it."""

    def __init__(self):
        self.objects = {"/version": {"gitVersion": "v1.34.1"}}
        self.requests = []
        self.denied = set()
        self._answers = {}

    def __enter__(self):
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self):
        self._handler = kmock.RawHandler()
        await self._handler.__aenter__()
        self._server = kmock.Server(self._handler)
        await self._server.__aenter__()
        self._handler.fallback << self._respond
        self.url = str(self._server.url).rstrip("/")

    async def _stop(self):
        await self._server.__aexit__(None, None, None)
        await self._handler.__aexit__(None, None, None)

    def kubeconfig(self, path, namespace="hub"):
        """Write a kubeconfig whose context `here` is this server, and return its path."""
        text = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "here",
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u", "namespace": namespace}}],
            "users": [{"name": "u", "user": {"token": "the-token-of-the-cluster"}}],
        }
        path.write_text(json.dumps(text))
        return path

    def answer(self, method, path, status, body):
        """Answer one request so, whatever stands in `objects`."""
        self._answers[method, path] = (status, body)

    def add(self, path, kind, *, name, namespace="hub", labels=None, **rest):
        """Put an object under its collection's path."""
        metadata = {"name": name, "namespace": namespace, "labels": labels or {}} | rest.pop("metadata", {})
        self.objects[f"{path}/{name}"] = {"kind": kind, "metadata": metadata, **rest}

    def _respond(self, request):
        content_type = request.headers.get("Content-Type", "")
        path, method = request.url.path, request.method.value.upper()
        text = request.body.decode()
        body = json.loads(text) if text else None
        self.requests.append(Asked(method, path, dict(request.params), content_type, body, text))
        status, answer = self._outcome(method, path, dict(request.params), body)
        payload = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return kmock.Response(payload=payload, status=status, headers={"Content-Type": "application/json"})

    def _outcome(self, method, path, params, body):
        if (method, path) in self._answers:
            return self._answers[method, path]
        if method == "POST":
            asked = body["spec"]["resourceAttributes"]
            return 201, body | {"status": {"allowed": (asked["verb"], asked["resource"]) not in self.denied}}
        if method == "PATCH":
            self.objects[path] = _merge(self.objects.get(path, {}), body)
        elif path.rsplit("/", 1)[1] in LISTS:
            return 200, {"items": self._matching(path, params.get("labelSelector", "")), "metadata": {}}
        found = path in self.objects
        return (200, self.objects[path]) if found else (404, {"kind": "Status", "reason": "NotFound", "code": 404})

    def _matching(self, path, selector):
        wanted = dict(pair.split("=", 1) for pair in selector.split(",") if pair)
        place, collection = path.rsplit("/", 1)
        everywhere = "/namespaces/" not in place
        return [
            held
            for where, held in self.objects.items()
            if (where.rsplit("/", 2)[1] == collection if everywhere else where.rsplit("/", 1)[0] == path)
            and wanted.items() <= held["metadata"].get("labels", {}).items()
        ]


def _merge(held, patch):
    both = copy.deepcopy(held)
    for key, value in patch.items():
        both[key] = _merge(both.get(key) or {}, value) if isinstance(value, dict) else value
    return both
