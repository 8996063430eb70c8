"""Last of the suite: no emulated route is left that none of the tests before has driven."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_box.emulator.routes import DOWNLOADS, EMULATED


def test_every_emulated_route_was_driven(request, driven):
    modules = {path.name for path in Path(__file__).parent.glob("test_*.py")}
    if not modules <= {item.path.name for item in request.session.items}:
        pytest.skip("only part of the emulator's tests run")
    assert {route.operation for route in [*EMULATED, *DOWNLOADS] if not route.undocumented} <= driven
