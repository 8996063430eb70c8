"""The panel as a person uses it, over Playwright."""

import contextlib
import json
import re
from pathlib import Path

from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Error, expect

PANEL = "#jupyter-box-browser"
AXE = Path(__file__).parents[1] / "labextension" / "node_modules" / "axe-core" / "axe.min.js"

NOTEBOOK = new_notebook(
    cells=[new_code_cell("x = 1")], metadata={"kernelspec": {"display_name": "Python 3", "name": "python3"}}
)
CLOSING = re.compile("^(Dismiss|Ok|OK|Cancel|Close)$")
PARTS = re.compile(r"/jupyter-box/uploads/\w+\?offset=")
DIRTY = ".lm-DockPanel-tabBar .lm-mod-current.jp-mod-dirty"
RUN = "([id, args]) => window.jupyterapp.commands.execute(id, args).then(() => null)"
NEXT_FRAME = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(null))))"
LONGEST_BLOCK = """() => {
  window.blocks = [];
  new PerformanceObserver(list => list.getEntries().forEach(each => window.blocks.push(each.duration)))
    .observe({ type: 'longtask', buffered: false });
}"""
DROP = """async ([files, selector]) => {
  const transfer = new DataTransfer();
  for (const [name, size, seed] of files) {
    const block = new Uint8Array(1 << 20).map((_, i) => (i * 31 + seed) & 255);
    const parts = Array.from({ length: Math.ceil(size / block.length) }, (_, i) =>
      block.slice(0, Math.min(block.length, size - i * block.length)));
    transfer.items.add(new File(parts, name, { lastModified: 1700000000000 }));
  }
  const target = document.querySelector(selector);
  for (const type of ['dragenter', 'dragover', 'drop']) {
    target.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }
}"""


def content(size, seed):
    """The bytes of a file that `drop` drops."""
    block = bytes((i * 31 + seed) & 255 for i in range(1 << 20))
    return (block * (size // len(block) + 1))[:size]


class Held:
    """Requests that a page sends and that wait for `release`; the first `let_through` of them do not.

    Args:
        page: The page.
        pattern: What the addresses of these requests are like.
        let_through: How many go on at once.
    """

    def __init__(self, page, pattern, let_through=0):
        self.page, self.pattern, self.let_through = page, pattern, let_through
        self.waiting = []
        page.route(pattern, self._take)

    def _take(self, route):
        if self.let_through:
            self.let_through -= 1
            route.continue_()
        else:
            self.waiting.append(route)

    def release(self):
        self.page.unroute(self.pattern, self._take)
        for route in self.waiting:
            with contextlib.suppress(Error):  # the page has given it up
                route.continue_()


class Panel:
    """The panel in a page."""

    def __init__(self, page):
        self.page = page
        self.node = page.locator(PANEL)
        self.content = self.node.locator(".jp-DirListing-content")
        self.rows = self.node.locator(".jp-DirListing-item")
        self.transfers = self.node.locator(".jp-Box-transfers li")

    def row(self, name):
        return self.rows.filter(has=self.page.get_by_text(name, exact=True)).first

    def names(self):
        return self.node.locator(".jp-DirListing-itemText").all_inner_texts()

    def enter(self, *folders):
        for name in folders:
            self.row(name).dblclick()
            self.node.locator(f'.jp-BreadCrumbs-item:has-text("{name}")').wait_for()
            self.page.evaluate(NEXT_FRAME)  # in which the listing follows the breadcrumb

    def run(self, command, **args):
        """Run a command as the palette does."""
        self.page.evaluate(RUN, [command, args])

    def widen(self):
        """Draw the panel as wide as all its columns need."""
        handle = self.page.locator("#jp-main-split-panel > .lm-SplitPanel-handle:visible").first
        box = handle.bounding_box()
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + 300, y, steps=5)
        self.page.mouse.up()

    def press(self, label):
        """Press a button of the panel's toolbar."""
        self.node.locator(f'.jp-Toolbar [data-command="jupyter-box:{label}"]').first.click()

    def menu(self, name, *labels):
        """Choose from a row's context menu."""
        self.row(name).click(button="right")
        for label in labels:
            self.page.locator(".lm-Menu-item", has_text=label).last.click()

    def type(self, text, document, before):
        """Type at the start of an open document once it shows what it held before."""
        content = document.locator(".cm-content").first
        expect(content).to_contain_text(before)
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.ready.then(() => null)")
        content.click()
        self.page.keyboard.press("Control+Home")
        self.page.keyboard.type(text)

    def work_in_notebook(self, name, read):
        """Open a file that has `NOTEBOOK` in it, run a line there, save it, and open it again.

        Args:
            name: Its row.
            read: Returns what Box has of it.
        """
        notebook = self.page.locator(".jp-NotebookPanel:visible")
        output = notebook.locator(".jp-OutputArea-output").first
        self.row(name).dblclick()
        self.wait_for_kernel()
        self.type("print(6 * 7)\n", notebook, "x = 1")
        self.page.keyboard.press("Shift+Enter")
        expect(output).to_contain_text("42", timeout=60_000)
        self.save()
        cell = json.loads(read())["cells"][0]
        assert "print(6 * 7)" in "".join(cell["source"])
        assert "".join(cell["outputs"][0]["text"]) == "42\n"
        self.close_all()
        self.row(name).dblclick()
        expect(output).to_contain_text("42")

    def wait_for_kernel(self):
        """Wait until the kernel of the notebook in front is idle."""
        # the notebook's own indicator is idle before there is a kernel, too; the status bar knows
        expect(self.page.locator("#jp-bottom-panel").get_by_text("| Idle")).to_be_visible(timeout=90_000)

    def save(self):
        """Save the changed document that has the focus, and wait until JupyterLab says that it is."""
        expect(self.page.locator(DIRTY)).to_have_count(1)
        self.page.keyboard.press("Control+s")
        expect(self.page.locator(DIRTY)).to_have_count(0)

    def dismiss(self):
        """Close the dialog that is open; the document behind it gets the focus back."""
        self.page.locator(".jp-Dialog").get_by_role("button", name=CLOSING).click()
        expect(self.page.locator(".jp-Dialog")).to_have_count(0)

    def close_all(self):
        """Close dialogs and documents, and give up what is changed in them."""
        while self.page.locator(".jp-Dialog").count():
            self.page.keyboard.press("Escape")
            self.page.evaluate(NEXT_FRAME)
        self.page.evaluate("() => [...window.jupyterapp.shell.widgets('main')].forEach(each => each.dispose())")

    def rename(self, name, to):
        self.row(name).click()
        self.page.keyboard.press("F2")
        editor = self.node.locator(".jp-DirListing-editor")
        editor.fill(to)
        editor.press("Enter")
        expect(self.row(to)).to_be_visible()

    def drop(self, *files, selector=f"{PANEL} .jp-DirListing-content"):
        """Drop files of (name, size, seed) as from the desktop."""
        self.page.evaluate(DROP, [list(files), selector])

    def choose(self, command, path):
        """Upload a file or a folder of this machine by a command that lets a person choose one."""
        with self.page.expect_file_chooser() as chooser:
            self.page.evaluate("command => void window.jupyterapp.commands.execute(command)", command)
        chooser.value.set_files(path)

    def inspect(self, name, tab):
        """Select a row and look at one side of it; returns the inspector."""
        self.row(name).click()
        inspector = self.page.locator("#jupyter-box-inspector")
        if not inspector.is_visible():
            self.page.locator('li[data-id="jupyter-box-inspector"]').click()
        inspector.get_by_role("heading", name=name, level=2).wait_for()
        inspector.get_by_role("tab", name=tab, exact=True).click()
        return inspector

    def violations(self, selector):
        """Return what axe-core finds serious below a selector."""
        self.page.add_script_tag(path=str(AXE))
        found = self.page.evaluate("selector => axe.run(selector, { resultTypes: ['violations'] })", selector)
        return [
            f"{each['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
            for each in found["violations"]
            if each["impact"] in {"serious", "critical"}
            for node in each["nodes"]
        ]
