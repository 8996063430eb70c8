"""The broker under load, between a Hub that answers at once and the emulator: `python -m benchmarks.broker`.

All is on loopback and on one machine, so the figures say what the broker itself costs, not what Box does.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

HUB = """
import json, sys
from tornado.ioloop import IOLoop
from tornado.web import Application, RequestHandler

class User(RequestHandler):
    def get(self):
        name = self.request.headers["Authorization"].split()[-1]
        self.write({"name": name, "kind": "user", "groups": [], "scopes": ["custom:jupyter-box:token"]})

server = Application([("/hub/api/user", User)], log_function=lambda _: None).listen(int(sys.argv[1]), "127.0.0.1")
IOLoop.current().start()
"""
STUB = """
import asyncio, json, resource, sys, time
from jupyter_box._grants import Token
from jupyter_box.config import BoxConfig
from jupyter_box.hub.account import Account
from jupyter_box.hub.broker import Broker, Wanted
from jupyter_box.hub.mapping import Identity
from jupyter_box.hub.metrics import Metrics
from jupyter_box.hub.settings import BrokerConfig

class Way:
    def identify(self, caller):
        name = caller.name
        return Identity({"type": "user", "id": name[-8:], "name": name, "login": name}, "0", name)
    def token(self, identity, caller):
        return Token("t" * 60 + caller.name, 3600.0)

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 1e6

async def main(count):
    broker = Broker(BrokerConfig().settings(), Account(BoxConfig()), lambda *_: None, Metrics())
    broker._way = Way()
    await broker.grant("user", Wanted())
    before = resident()
    slots = asyncio.Semaphore(64)
    async def one(number):
        async with slots:
            await broker.grant(f"user-{number:08d}", Wanted())
    await asyncio.gather(*(one(number) for number in range(count)))
    print(json.dumps({"users": count, "before_mb": before, "after_mb": resident(), "tokens": len(broker.vault)}))
    await broker.close()

asyncio.run(main(int(sys.argv[1])))
"""


@dataclass(frozen=True)
class Load:
    """What a number of callers at once saw."""

    callers: int
    rate: float
    p50: float
    p99: float

    def __str__(self) -> str:
        return f"{self.callers} callers: {self.rate:,.0f}/s, p50 {self.p50 * 1e3:.1f} ms, p99 {self.p99 * 1e3:.1f} ms"


async def load(url: str, callers: int, requests: int, extra: str = "") -> Load:
    """Return what so many callers see, each with one connection and one Hub user, after one token each."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    seconds: list[float] = []

    async def one(number: int, count: int, *, note: bool) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        who = f"Host: {host}\r\nAuthorization: token bench-{number}"
        head = f"POST /token HTTP/1.1\r\n{who}\r\n{extra}Content-Length: 0\r\n\r\n"
        for _ in range(count):
            began = time.perf_counter()
            writer.write(head.encode())
            answer = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in answer.split(b"\r\n")[0], answer
            length = next(
                int(line[16:]) for line in answer.split(b"\r\n") if line.lower().startswith(b"content-length")
            )
            await reader.readexactly(length)
            if note:
                seconds.append(time.perf_counter() - began)
        writer.close()

    slots = asyncio.Semaphore(16)

    async def warm(number: int) -> None:
        async with slots:
            await one(number, 1, note=False)

    await asyncio.gather(*map(warm, range(callers)))
    began = time.perf_counter()
    await asyncio.gather(*(one(number, requests, note=True) for number in range(callers)))
    took = time.perf_counter() - began
    cuts = statistics.quantiles(seconds, n=100)
    return Load(callers, len(seconds) / took, cuts[49], cuts[98])


def _is_up(url: str) -> bool:
    try:
        urlopen(f"{url}/healthz").close()
    except URLError:
        return False
    return True


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        port, processes = 18990, []
        try:
            processes.append(subprocess.Popen([sys.executable, "-c", HUB, str(port)]))
            env_file = Path(folder) / "env"
            command = [sys.executable, "-m", "jupyter_box.cli", "emulator", "--port", "0", "--env", str(env_file)]
            processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
            while not env_file.exists() or "BOX_CLIENT_SECRET" not in env_file.read_text():
                time.sleep(0.1)
            lines = [line.partition("=") for line in env_file.read_text().splitlines() if "=" in line]
            environment = {
                "PATH": os.environ["PATH"],
                **{name: value.strip("'\"") for name, _, value in lines if name != "BOX_JWT_CONFIG_FILE"},
                "BOX_RATE_LIMIT": "off",
                "BOX_BROKER_PORT": str(port + 1),
                "BOX_BROKER_IP": "127.0.0.1",
                "BOX_BROKER_REQUESTS_PER_MINUTE": "100000",
                "JUPYTERHUB_API_URL": f"http://127.0.0.1:{port}/hub/api",
            }
            broker = subprocess.Popen(
                [sys.executable, "-m", "jupyter_box.cli", "broker"], env=environment, stdout=subprocess.DEVNULL
            )
            processes.append(broker)
            url = f"http://127.0.0.1:{port + 1}"
            while not _is_up(url):
                time.sleep(0.1)
            print("cached  ", asyncio.run(load(url, 200, 20)))
            print("uncached", asyncio.run(load(url, 16, 20, "Cache-Control: no-cache\r\n")))
            print("uncached", asyncio.run(load(url, 200, 2, "Cache-Control: no-cache\r\n")))
            print(
                "memory  ", json.loads(subprocess.check_output([sys.executable, "-c", STUB, "10000"], env=environment))
            )
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait(30)


if __name__ == "__main__":
    main()
