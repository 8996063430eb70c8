"""The panel in Jupyter Notebook 7: a tab of its first page, and beside an open notebook."""

import pytest
from emulated import environment_of
from lab_process import PANEL_TAB, running_lab
from panel import Panel
from playwright.sync_api import expect

pytest.importorskip("notebook", reason="pip install -e '.[browser-test]'")


@pytest.fixture
def notebook7(seeded, tmp_path):
    more = {"notebook": True, "notebook_shim": True}
    with running_lab(tmp_path, environment_of(seeded), more=more) as server:
        yield server


def test_the_panel_is_a_tab_and_opens_beside_a_notebook(chromium, notebook7):
    page = chromium.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.goto(f"{notebook7.url}tree?token={notebook7.token}")
    page.locator(".lm-TabBar-tab", has_text=PANEL_TAB).click(timeout=60_000)
    panel = Panel(page)
    panel.enter("Notebooks")
    expect(panel.row("reject-rate.ipynb")).to_be_visible()
    with page.expect_popup() as opened:
        panel.row("reject-rate.ipynb").dblclick()
    beside = opened.value
    expect(beside.locator(".jp-NotebookPanel")).to_contain_text("Reject rate by line", timeout=60_000)
    beside.evaluate("() => window.jupyterapp.commands.execute('jupyter-box:show-panel').then(() => null)")
    expect(Panel(beside).row("Quality")).to_be_visible()
    page.context.close()
