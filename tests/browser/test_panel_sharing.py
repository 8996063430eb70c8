"""Search, versions, links, collaborators, locks, favourites."""

from playwright.sync_api import expect


def test_a_search_opens_what_it_finds(panel, page):
    panel.press("search")
    panel.node.get_by_label("Name or content").fill("weekly-report")
    page.keyboard.press("Enter")
    found = panel.node.get_by_role("button", name="weekly-report.csv", exact=True)
    expect(found).to_be_visible()
    found.click()
    expect(page.locator(".lm-DockPanel-tabBar .lm-mod-current")).to_contain_text("weekly-report.csv")


def test_a_version_is_compared_opened_and_restored(panel, page, service):
    panel.enter("Maintenance")
    inspector = panel.inspect("maintenance-plan.md", "Versions")
    versions = inspector.get_by_role("list", name="Versions, the newest first").get_by_role("listitem")
    expect(versions).to_have_count(3)
    versions.nth(2).get_by_role("button", name="Compare").click()
    expect(page.locator(".jp-Box-comparison")).to_contain_text("Revision 3")
    versions.nth(2).get_by_role("button", name="Open").click()
    expect(page.locator(".lm-DockPanel-tabBar .lm-mod-current")).to_contain_text("maintenance-plan.md")
    versions.nth(2).get_by_role("button", name="Restore").click()
    expect(versions).to_have_count(4)
    assert b"Revision" not in service.read("/Maintenance/maintenance-plan.md")


def test_a_link_is_made_only_when_asked_for(panel, put, service):
    put("/shared/plan.txt")
    panel.run("jupyter-box:open", path="box:shared")
    inspector = panel.inspect("plan.txt", "Sharing")
    expect(inspector.get_by_text("There is no shared link.")).to_be_visible()
    assert service.stat("/shared/plan.txt").shared_link is None
    inspector.get_by_label("Who may use it").select_option("open")
    inspector.get_by_role("button", name="Create link").click()
    address = inspector.get_by_label("Address of the shared link")
    expect(address).to_be_visible()
    assert service.stat("/shared/plan.txt").shared_link.url == address.input_value()
    inspector.get_by_role("button", name="Remove link").click()
    expect(inspector.get_by_text("There is no shared link.")).to_be_visible()
    assert service.stat("/shared/plan.txt").shared_link is None


def test_people_are_invited_given_a_role_and_removed(panel, put, service):
    put("/team/a.txt")
    inspector = panel.inspect("team", "Sharing") if panel.row("team").count() else None
    if inspector is None:
        panel.press("refresh")
        inspector = panel.inspect("team", "Sharing")
    inspector.get_by_label("Invite (e-mail").fill("aiko.mori@example.com")
    inspector.get_by_role("button", name="Invite", exact=True).click()
    role = inspector.get_by_label("Role of Aiko Mori")
    expect(role).to_have_value("viewer")
    role.select_option("editor")
    expect(role).to_have_value("editor")
    assert [each.role for each in service.collaborators("/team")] == ["editor"]
    inspector.get_by_role("button", name="Remove Aiko Mori").click()
    expect(inspector.get_by_text("Nobody is invited to this very item.")).to_be_visible()
    assert service.collaborators("/team") == []


def test_locks_and_favourites(panel, put, service):
    put("/marks/m.txt")
    panel.run("jupyter-box:open", path="box:marks")
    panel.row("m.txt").click()
    panel.run("jupyter-box:lock")
    expect(panel.row("m.txt").get_by_role("img")).to_be_visible()
    assert service.stat("/marks/m.txt").lock
    panel.run("jupyter-box:unlock")
    expect(panel.row("m.txt").get_by_role("img")).to_have_count(0)
    panel.run("jupyter-box:add-favourite")
    panel.press("show-favourites")
    expect(panel.node.get_by_role("button", name="m.txt", exact=True)).to_be_visible()


def test_code_goes_into_the_active_cell(panel, page):
    panel.run("notebook:create-new", kernelName="python3")
    page.locator(".jp-NotebookPanel:visible .cm-content").first.click()
    panel.run("jupyter-box:insert-code", path="box:Quality/weekly-report.csv", kind="pandas")
    cell = page.locator(".jp-NotebookPanel:visible .cm-content").first
    expect(cell).to_contain_text('pd.read_csv("box://Quality/weekly-report.csv")')
