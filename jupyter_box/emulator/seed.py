"""The sample drive: a bottling plant's logs, notebooks, pictures and people; the same bytes every time."""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import struct
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jupyter_box.emulator.store import names
from jupyter_box.emulator.store.blobs import Content

if TYPE_CHECKING:
    from sqlite3 import Row

    from jupyter_box.emulator.store import Store

LINES = ("line-1", "line-2", "line-3")
DAYS = ("2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06")
PEOPLE = (
    ("Greta Lindqvist", "greta.lindqvist@example.com"),
    ("Tomás Herrera", "tomas.herrera@example.com"),
    ("Aiko Mori", "aiko.mori@example.com"),
)
HEADER = (
    "timestamp,machine,bottles_per_minute,fill_level_ml,fill_pressure_bar,cap_torque_nm,motor_current_a,"
    "vibration_mm_s,temperature_c,rejects,status\n"
)
SMALL_FILES = 2_500
MACHINES = ("rinser", "filler", "capper", "labeller")


def plant(store: Store) -> None:
    """Fill an empty drive; made from fixed numbers, so that two drives hold the same bytes."""
    app = store.one("SELECT * FROM apps ORDER BY rowid LIMIT 1")
    assert app is not None
    Planter(store, app["service_account"], app["enterprise"]).plant()
    store.insert("settings", name="seeded", value="1")


@dataclass
class Planter:
    """Plants the sample as the service account, whose drive a first client sees."""

    store: Store
    account: int
    enterprise: int
    people: list[Row] = field(default_factory=list)

    def plant(self) -> None:
        """Plant everything."""
        root = self.store.items.root(self.account)
        self._people()
        self._maintenance(self._folder(root, "Maintenance"))
        self._quality(self._folder(root, "Quality"))
        self._notebooks(self._folder(root, "Notebooks"))
        self._images(self._folder(root, "Inspection images"))
        self._many(self._folder(root, "Batch records"))
        self._file(root, "Welcome.md", WELCOME.encode())
        self._from_someone_else()
        self._trash(root)

    def _folder(self, parent: Row, name: str) -> Row:
        return self.store.folders.create(parent, name, self.account)

    def _file(self, parent: Row, name: str, content: bytes, user: int | None = None) -> Row:
        return self.store.files.create(parent, names.check(name), user or self.account, self.store.blobs.write(content))

    def _people(self) -> None:
        add, get = self.store.people.add, self.store.people.get
        for name, login in PEOPLE:
            person = get(add(name, login, self.enterprise))
            assert person is not None
            self.people.append(person)
        group = self.store.groups.add(self.enterprise, "Line operators", description="Who runs the bottling lines")
        for person in self.people[:2]:
            self.store.groups.join(group, person["id"])

    def _maintenance(self, folder: Row) -> None:
        logs = self._folder(folder, "Machine logs")
        for line in LINES:
            place = self._folder(logs, line)
            for day in DAYS:
                self._file(place, f"{line}_{day}.csv", machine_log(line, day))
        plan = self._file(folder, "maintenance-plan.md", PLAN.encode())
        self._versions(plan)
        self._file(folder, "sensors.json", json.dumps(SENSORS, indent=2).encode())
        self._lock(
            self._file(
                folder, "shift-handover.md", b"# Shift handover\n\nLine 2: capper torque drifts after warm-up.\n"
            )
        )
        group = self.store.groups.listed(self.enterprise, "Line operators")[0]
        self.store.collaborations.add(folder, "editor", self.account, group=group)
        self.store.collaborations.add(folder, "viewer", self.account, user=self.people[2])

    def _versions(self, file: Row) -> None:
        for number, note in enumerate(("Greased the rinser bearings.", "Replaced the capper belt on line 2."), 2):
            content = self.store.blobs.write(f"{PLAN}\n- Revision {number}: {note}\n".encode())
            self.store.files.replace(self.store.items.at(file["id"]), self.account, content)

    def _lock(self, file: Row) -> None:
        self.store.locks.put(file, self.people[0]["id"], None, is_download_prevented=False)

    def _quality(self, folder: Row) -> None:
        self.store.files.create(folder, "vibration-2026-q1.f32", self.account, self._big())
        self._file(folder, "vibration-2026-q1.schema.json", json.dumps(BIG_SCHEMA, indent=2).encode())
        report = self._file(folder, "weekly-report.csv", weekly_report())
        self.store.shared_links.put(report, {"access": "open"}, self.account)

    def _big(self) -> Content:
        """Write a large binary table of sensor readings: the same second of vibration, louder each time."""
        blob = self.store.blobs.new()
        digest, size = hashlib.sha1(usedforsecurity=False), 0
        with os.fdopen(self.store.blobs.create(blob), "wb") as file:
            for minute in range(32):
                block = struct.pack("<4096f", *(math.sin(step / 40) * (1 + minute / 64) for step in range(4096))) * 125
                file.write(block)
                digest.update(block)
                size += len(block)
        return Content(blob, size, digest.hexdigest())

    def _notebooks(self, folder: Row) -> None:
        for name, cells in NOTEBOOKS.items():
            self._file(folder, f"{name}.ipynb", notebook(cells))

    def _images(self, folder: Row) -> None:
        for number in range(6):
            self._file(folder, f"bottle-{number + 1:02d}.png", picture(number))

    def _many(self, folder: Row) -> None:
        entries = (f"batch-{number:05d}.txt" for number in range(1, SMALL_FILES + 1))
        self.store.folders.fill(folder, entries, self.account, b"accepted: yes\nbottles: 4800\n")

    def _from_someone_else(self) -> None:
        owner = self.people[0]["id"]
        shared = self.store.folders.create(self.store.items.root(owner), "Shared by Greta", owner)
        self._file(
            shared, "read-me-first.txt", b"This folder belongs to Greta; you may add to it and change it.\n", owner
        )
        account = self.store.people.get(self.account)
        self.store.collaborations.add(shared, "editor", owner, user=account)

    def _trash(self, root: Row) -> None:
        for name in ("old-calibration.csv", "draft-report.md"):
            self.store.trash.put(self._file(root, name, b"superseded\n"), self.account)


def machine_log(line: str, day: str) -> bytes:
    """Return a day of one line: a reading a minute, with a slow drift and a jam now and then."""
    numbers = random.Random(f"{line} {day}")  # noqa: S311 - sample data
    rows = [HEADER]
    for minute in range(1440):
        machine, jam = MACHINES[minute % 4], numbers.random() < 0.004
        speed = 0.0 if jam else 118 + 4 * math.sin(minute / 90) + numbers.gauss(0, 1.2)
        rows.append(
            f"{day}T{minute // 60:02d}:{minute % 60:02d}:00Z,{machine},{speed:.1f},{500 + numbers.gauss(0, 0.8):.2f},"
            f"{2.1 + numbers.gauss(0, 0.03):.3f},{1.6 + numbers.gauss(0, 0.05):.3f},{7.4 + numbers.gauss(0, 0.2):.2f},"
            f"{1.1 + minute / 2000 + numbers.gauss(0, 0.08):.3f},{38 + 6 * math.sin(minute / 230):.1f},"
            f"{int(numbers.random() < 0.05)},{'JAM' if jam else 'RUN'}\n"
        )
    return "".join(rows).encode()


def weekly_report() -> bytes:
    """Return the bottles filled and rejected, by line and day."""
    numbers = random.Random("weekly")  # noqa: S311 - sample data
    rows = [
        f"{line},{day},{160_000 + numbers.randrange(9000)},{numbers.randrange(40, 400)}"
        for line in LINES
        for day in DAYS
    ]
    return ("line,day,bottles,rejects\n" + "\n".join(rows) + "\n").encode()


def notebook(cells: list[tuple[str, str]]) -> bytes:
    """Return a Jupyter notebook of (type, source) cells."""
    made = [_cell(number, kind, source) for number, (kind, source) in enumerate(cells)]
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    whole = {
        "cells": made,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return (json.dumps(whole, indent=1) + "\n").encode()


def _cell(number: int, kind: str, source: str) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "cell_type": kind,
        "id": f"cell-{number}",
        "metadata": {},
        "source": source.splitlines(keepends=True),
    }
    return cell if kind == "markdown" else cell | {"execution_count": None, "outputs": []}


def picture(number: int, width: int = 96, height: int = 192) -> bytes:
    """Return a PNG of a bottle, filled to a level of its own."""
    level = height * (5 + number) // 14
    rows = b"".join(b"\x00" + _row(y, width, height, level) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 6)) + _chunk(b"IEND", b"")
    )


def _row(y: int, width: int, height: int, level: int) -> bytes:
    half = width // 8 if y < height // 4 else width // 3
    left, right = width // 2 - half, width // 2 + half
    inside = b"\x2f\x7f\xc1" if y > level else b"\xd6\xe8\xf2"
    return b"\xf4\xf4\xf0" * left + inside * (right - left) + b"\xf4\xf4\xf0" * (width - right)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


WELCOME = """# A sample drive

This drive lives in the jupyter-box emulator. It is not Box, and nothing here is real.

- `Maintenance/Machine logs`: three bottling lines, five days, a reading a minute
- `Quality`: a large binary table, a weekly report with a shared link
- `Notebooks`: analyses that read the logs
- `Inspection images`: pictures of bottles
- `Batch records`: a folder of 2,500 items
- `Shared by Greta`: a folder that belongs to someone else
"""

PLAN = """# Maintenance plan

| machine | every | task |
|---|---|---|
| rinser | 2 weeks | grease the bearings |
| filler | 1 week | calibrate the fill level |
| capper | 1 month | check the torque |
| labeller | 3 days | clean the glue rollers |
"""

SENSORS = [
    {"name": "vibration_mm_s", "unit": "mm/s", "limit": 4.5},
    {"name": "temperature_c", "unit": "°C", "limit": 65},
    {"name": "cap_torque_nm", "unit": "N m", "limit": 2.2},
    {"name": "fill_pressure_bar", "unit": "bar", "limit": 2.6},
]

BIG_SCHEMA = {"file": "vibration-2026-q1.f32", "dtype": "<f4", "columns": ["vibration"], "rate_hz": 4096}

READ_LOG = """import csv, io

from jupyter_box import connect

box = connect()
text = box.read("/Maintenance/Machine logs/line-1/line-1_2026-03-02.csv").decode()
rows = list(csv.DictReader(io.StringIO(text)))
len(rows)
"""

TREND = """from statistics import mean

hours = {}
for row in rows:
    hours.setdefault(row["timestamp"][11:13], []).append(float(row["vibration_mm_s"]))
{hour: round(mean(values), 2) for hour, values in hours.items()}
"""

NOTEBOOKS = {
    "vibration-trend": [
        ("markdown", "# Vibration of the machines\n\nHow the vibration of line 1 grows over a day."),
        ("code", READ_LOG),
        ("code", TREND),
    ],
    "reject-rate": [
        ("markdown", "# Reject rate by line"),
        ("code", "bottles, rejects = 162_000, 180\nrejects / bottles"),
    ],
    "shift-report": [
        ("markdown", "# Shift report\n\n- fill in the jams\n- sign off"),
        ("code", "print('Nothing to report')"),
    ],
}
