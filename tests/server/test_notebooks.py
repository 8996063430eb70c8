"""What differs between two versions of a notebook; by the real nbdime, where it is installed."""

import importlib.util
import json
import sys

import pytest
from test_routes import body

IS_THERE = importlib.util.find_spec("nbdime") is not None


def notebook(source):
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


@pytest.fixture
def versions(drive):
    drive.write("/n.ipynb", notebook("x = 1"))
    drive.write("/n.ipynb", notebook("x = 2"))
    return drive.versions("/n.ipynb")


@pytest.mark.skipif(not IS_THERE, reason="pip install 'jupyter-box[browser-test]'")
async def test_the_version_and_what_leads_to_the_current_one(ask, versions):
    from nbdime import patch_notebook
    from nbdime.diff_utils import to_diffentry_dicts

    told = body(await ask("GET", "notebook-diffs/n.ipynb", version=versions[-1].id))
    assert told["base"]["cells"][0]["source"] == "x = 1"
    assert patch_notebook(told["base"], to_diffentry_dicts(told["diff"]))["cells"][0]["source"] == "x = 2"


async def test_without_nbdime_it_says_so(ask, versions, monkeypatch):
    monkeypatch.setitem(sys.modules, "nbdime", None)  # Python's own way to say that a module is not installed
    answer = await ask("GET", "notebook-diffs/n.ipynb", version=versions[-1].id)
    assert (answer.code, json.loads(answer.body)["code"]) == (404, "no_nbdime")
