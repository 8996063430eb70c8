"""How it all looks, light and dark: the pictures of the documentation; axe-core finds nothing serious in them."""

import pytest
from lab_process import ROOT, opened
from panel import PARTS, Held, Panel
from playwright.sync_api import expect

MB = 1_000_000
IMAGES = ROOT / "docs" / "images"
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


@pytest.fixture(params=THEMES)
def theme(request):
    return request.param


@pytest.fixture
def page(chromium, lab, theme):
    with opened(chromium, lab) as page:
        expect(page.locator(".jp-LauncherCard").first).to_be_visible()
        Panel(page).run("apputils:change-theme", theme=THEMES[theme])
        expect(page.locator("body")).to_have_attribute("data-jp-theme-light", str(theme == "light").lower())
        yield page


def test_pictures_of_folders_versions_and_sharing(panel, page, theme):
    panel.enter("Maintenance")
    inspector = panel.inspect("maintenance-plan.md", "Versions")
    versions = inspector.get_by_role("listitem")
    expect(versions.first).to_be_visible()
    page.screenshot(path=IMAGES / f"panel-{theme}.png")
    found = panel.violations("#jupyter-box-browser") + panel.violations("#jupyter-box-inspector")
    versions.nth(2).get_by_role("button", name="Compare").click()
    expect(page.locator(".jp-Box-comparison")).to_contain_text("Revision 3")
    page.screenshot(path=IMAGES / f"panel-versions-{theme}.png")
    found += panel.violations(".jp-Box-comparison")
    inspector.get_by_role("tab", name="Sharing", exact=True).click()
    expect(inspector.get_by_role("button", name="Create link")).to_be_visible()
    page.screenshot(path=IMAGES / f"panel-sharing-{theme}.png")
    found += panel.violations("#jupyter-box-inspector")
    assert not found, "\n".join(found)


def test_pictures_of_transfers_search_and_trash(panel, page, theme):
    parts = Held(page, PARTS, let_through=3)
    panel.drop(["line-3 vibration.parquet", 60 * MB, 1])
    expect(panel.transfers.first).to_contain_text("%")
    page.wait_for_function("() => document.querySelector('.jp-Box-transfers progress')?.value > 20e6")
    panel.drop(["line-4 vibration.parquet", 40 * MB, 2])
    panel.node.get_by_role("button", name="Pause line-4 vibration.parquet").click()
    expect(panel.transfers.nth(1)).to_contain_text("paused")
    page.screenshot(path=IMAGES / f"panel-transfers-{theme}.png")
    found = panel.violations("#jupyter-box-browser")
    for name in ("line-3", "line-4"):
        panel.node.get_by_role("button", name=f"Cancel {name} vibration.parquet").click()
    expect(panel.transfers).to_have_count(0)
    parts.release()
    panel.press("search")
    panel.node.get_by_label("Name or content").fill("report")
    page.keyboard.press("Enter")
    expect(panel.node.get_by_role("button", name="weekly-report.csv", exact=True)).to_be_visible()
    page.screenshot(path=IMAGES / f"panel-search-{theme}.png")
    found += panel.violations("#jupyter-box-browser")
    panel.press("show-trash")
    expect(panel.node.get_by_role("button", name="Back to the folder")).to_be_visible()
    found += panel.violations("#jupyter-box-browser")
    assert not found, "\n".join(found)
