"""Search, versions, links, collaborators, locks, favourites."""

from datetime import datetime, timezone

from playwright.sync_api import expect

NEXT_CENTURY = datetime(2100, 1, 1, tzinfo=timezone.utc)


def test_a_search_opens_what_it_finds(panel, page):
    panel.press("search")
    panel.node.get_by_label("Name or content").fill("weekly-report")
    page.keyboard.press("Enter")
    found = panel.node.get_by_role("button", name="weekly-report.csv", exact=True)
    expect(found).to_be_visible()
    found.click()
    expect(page.locator(".lm-DockPanel-tabBar .lm-mod-current")).to_contain_text("weekly-report.csv")


def test_a_long_search_goes_on_by_the_keyboard(panel, page, box, service):
    box.fill(service.mkdir("/long").id, 250, prefix="needle ")
    panel.press("search")
    panel.node.get_by_label("Name or content").fill("needle")
    page.keyboard.press("Enter")
    found = panel.node.get_by_role("list", name="Found in Box").get_by_role("listitem")
    expect(found).to_have_count(200)
    expect(panel.node.get_by_role("status").first).to_have_text("200 of about 250 items")
    more = panel.node.get_by_role("button", name="Show more")
    more.focus()
    page.keyboard.press("Enter")
    expect(found).to_have_count(250)
    expect(found.nth(200).get_by_role("button").first).to_be_focused()
    expect(panel.node.get_by_role("status").first).to_have_text("250 items")
    expect(more).to_have_count(0)
    assert len(set(found.all_inner_texts())) == 250


def test_a_long_trash_goes_on_and_keeps_its_place(panel, page, box, service):
    folder = service.mkdir("/rubbish")
    box.fill(folder.id, 210, prefix="thrown-")
    for item in list(service.list("/rubbish")):
        service.remove(f"id:{item.id}")
    panel.press("show-trash")
    trashed = panel.node.get_by_role("list", name="In the trash").get_by_role("listitem")
    expect(trashed).to_have_count(200)
    panel.node.get_by_role("button", name="Show more").click()
    expect(panel.node.get_by_role("button", name="Show more")).to_have_count(0)
    count = trashed.count()
    assert count >= 210
    last = trashed.filter(has_text="thrown-").last
    name = last.locator(".jp-Box-open").inner_text()
    last.get_by_role("button", name="Restore").click()
    expect(trashed).to_have_count(count - 1)
    assert service.exists(f"/rubbish/{name}")
    trashed.last.get_by_role("button", name="Delete for good").click()
    page.locator(".jp-Dialog").get_by_role("button", name="Delete for good").click()
    expect(trashed).to_have_count(count - 2)


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


def test_a_link_loses_its_password_and_its_end_in_place(panel, put, service):
    put("/shared/terms.txt")
    made = service.share("/shared/terms.txt", access="open", password="Correct horse 1", expires=NEXT_CENTURY)
    panel.run("jupyter-box:open", path="box:shared")
    inspector = panel.inspect("terms.txt", "Sharing")
    for box, field, gone in (
        ("Remove the password", "Password", "with a password"),
        ("Remove the end", "Ends on", "until"),
    ):
        expect(inspector.get_by_text(gone)).to_be_visible()
        inspector.get_by_label(box).check()
        expect(inspector.get_by_label(field, exact=True)).to_be_disabled()
        inspector.get_by_role("button", name="Change link").click()
        expect(inspector.get_by_label(box)).to_have_count(0)
        expect(inspector.get_by_text(gone)).to_have_count(0)
        expect(inspector.get_by_label(field, exact=True)).to_be_enabled()
    link = service.stat("/shared/terms.txt").shared_link
    assert (link.url, link.access, link.has_password, link.expires) == (made.url, "open", False, None)


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
