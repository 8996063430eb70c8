"""The panel beside JupyterLab's own file browser, in one JupyterLab and one Chromium: `python -m benchmarks.panel`.

It wants what the browser tests want (the extras `test` and `browser-test`, Chromium, the panel as built by
`make labextension`), takes about four minutes, and prints a table as it grows; `--write` puts it into the docs.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from . import report

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from emulated import environment_of
from lab_process import BUILT, opened, running_chromium, running_lab  # what the browser tests start JupyterLab with

FOLDERS = (1_000, 20_000, 100_000)
LARGEST_STOCK = 20_000  # the stock browser needs minutes for more
UPLOAD = 200_000_000
IDLE = 60_000  # milliseconds
OURS, STOCK = "jupyter-box-browser", "filebrowser"

OPEN = """async ([id, path]) => {
  const { shell } = window.jupyterapp;
  const browser = [...shell.widgets('left')].find(each => each.id === id);
  shell.activateById(id);
  const start = performance.now();
  void browser.model.cd(path);
  const row = () => browser.node.querySelector('.jp-DirListing-itemText')?.textContent.includes('file-000000');
  while (!row()) { await new Promise(requestAnimationFrame); }
  await new Promise(requestAnimationFrame);
  return performance.now() - start;
}"""
SCROLL = """async id => {
  const content = document.querySelector(`#${id} .jp-DirListing-content`);
  const blocks = [0];
  const observer = new PerformanceObserver(list => blocks.push(...list.getEntries().map(each => each.duration)));
  observer.observe({ type: 'longtask' });
  for (let step = 0; step < 200; step++) {
    content.scrollTop += 500;
    await new Promise(requestAnimationFrame);
  }
  await new Promise(done => setTimeout(done, 200));
  observer.disconnect();
  return Math.max(...blocks);
}"""
SEND = """async ([id, size]) => {
  const browser = [...window.jupyterapp.shell.widgets('left')].find(each => each.id === id);
  await browser.model.cd('/');
  const block = new Uint8Array(1 << 20).map((_, i) => (i * 31) & 255);
  const parts = Array.from({ length: Math.ceil(size / block.length) }, () => block);
  const file = new File([new Blob(parts).slice(0, size)], 'large.bin');
  const start = performance.now();
  const sent = browser.model.upload(file);
  const asked = setInterval(() => document.querySelector('.jp-Dialog .jp-mod-accept')?.click(), 50);
  await sent;
  clearInterval(asked);
  return performance.now() - start;
}"""
LOADED = """() => performance.getEntriesByType('resource').filter(each => each.name.includes('.js'))
  .map(each => [each.name, each.decodedBodySize])"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.panel", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    args = parser.parse_args()
    rows = ["| | panel | JupyterLab's file browser |", "|---|---|---|"]
    for row in measure():
        print(row, flush=True)
        rows.append(row)
    if args.write:
        report.write_page("panel", "\n".join(rows), None)


def measure() -> Iterator[str]:
    """Yield the rows of the table, each as soon as it is measured."""
    from jupyter_box.emulator import Emulator

    with Emulator() as emulator, tempfile.TemporaryDirectory() as scratch, running_chromium() as chromium:
        environment = environment_of(emulator)
        os.environ.update(environment)
        prepare(emulator, Path(scratch))
        with running_lab(Path(scratch), environment) as lab:
            with opened(chromium, lab) as page:
                yield bundle(page)
                yield idle(page)
                yield sent(page)
            for count in FOLDERS:
                with opened(chromium, lab) as page:  # a fresh one: what was shown before costs, too
                    yield from folder(page, count)


def prepare(emulator: Any, scratch: Path) -> None:
    """Make the folders, in Box and on the disk."""
    from jupyter_box import connect

    with connect() as drive:
        for count in FOLDERS:
            emulator.fill(drive.mkdir(f"/{count}").id, count)
    for count in (count for count in FOLDERS if count <= LARGEST_STOCK):
        place = scratch / str(count)
        place.mkdir()
        for number in range(count):
            (place / f"file-{number:06d}.txt").touch()


def folder(page: Any, count: int) -> Iterator[str]:
    """Yield how long a folder takes to show its first row, and how long scrolling blocks the page at most."""
    ours = page.evaluate(OPEN, [OURS, f"/{count}"]), page.evaluate(SCROLL, OURS)
    stock = (None, None)
    if count <= LARGEST_STOCK:
        page.set_default_timeout(300_000)
        stock = page.evaluate(OPEN, [STOCK, f"/{count}"]), page.evaluate(SCROLL, STOCK)
    yield f"| first row of {count:,} items | {_time(ours[0])} | {_time(stock[0])} |"
    yield f"| longest block while scrolling through {count:,} | {_time(ours[1])} | {_time(stock[1])} |"


def sent(page: Any) -> str:
    """Return how long a large file takes from the page to Box, and to the server's disk."""
    ours, stock = (page.evaluate(SEND, [each, UPLOAD]) for each in (OURS, STOCK))
    return f"| upload of {UPLOAD // 10**6} MB over loopback | {_time(ours)} (to Box) | {_time(stock)} (to the disk) |"


def bundle(page: Any) -> str:
    """Return how much script the page loads."""
    loaded = page.evaluate(LOADED)
    ours = sum(size for name, size in loaded if "/extensions/jupyter-box/" in name)
    built = sum(each.stat().st_size for each in BUILT.glob("static/*.js"))
    rest = sum(size for name, size in loaded) - ours
    return f"| scripts loaded with the page | {ours // 1000:,} kB of {built // 1000:,} | {rest // 1000:,} kB in all |"


def idle(page: Any) -> str:
    """Return how many requests a minute of doing nothing costs, while the one or the other is shown."""
    counts = []
    for id, address in ((OURS, "/jupyter-box/"), (STOCK, "/api/contents")):  # noqa: A001
        page.evaluate("id => window.jupyterapp.shell.activateById(id)", id)
        page.wait_for_timeout(3000)
        asked: list[str] = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.wait_for_timeout(IDLE)
        counts.append(sum(address in url for url in asked))
    return f"| requests of an idle minute | {counts[0]} | {counts[1]} |"


def _time(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "not tried"
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 1000 else f"{milliseconds:.0f} ms"


if __name__ == "__main__":
    main()
