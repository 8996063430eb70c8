"""The tutorial notebook runs from its first cell to its last."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("flwr")
pytest.importorskip("sklearn")
pytest.importorskip("pandas")

import nbformat
from nbclient import NotebookClient

import jupyter_box

# four processes begin with Flower and scikit-learn, each a second or two of a machine that may be busy
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_three_plants_train_one_model(tmp_path):
    notebook = nbformat.read(Path(jupyter_box.__file__).parent / "notebooks" / "federated.ipynb", as_version=4)
    NotebookClient(notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    printed = [output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ())]
    assert any("8 exchanges were computed anew and are equal." in text for text in printed)
    assert not any("Traceback" in text for text in printed)
