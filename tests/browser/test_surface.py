"""How it looks and how it is reached: themes, widths, and what axe-core finds."""

from collections.abc import Iterator

import pytest
from axe_page import findings
from lab_page import Notebook, StartAgent
from playwright.sync_api import FilePayload, Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def narrow(notebook: Notebook, pixels: int | None) -> None:
    notebook.root().evaluate("(root, width) => { root.style.inlineSize = width }", f"{pixels}px" if pixels else "")


@pytest.fixture
def light_again(notebook: Notebook) -> Iterator[None]:
    yield
    notebook.theme("JupyterLab Light")


@pytest.fixture
def full(notebook: Notebook, ask: StartAgent, request: pytest.FixtureRequest) -> Locator:
    """One of everything that can be seen at once; the texts carry the test's name, as a kernel keeps its messages."""
    name = request.node.name
    ask("Work", f"Deploy {name}?\n\n```sh\nmake deploy # now\n```", "--agent", "claude", "--model", "opus")
    ask("Home", "Refactored `the` loader.", "--report", "--agent", "cursor")
    ask("Work", f"Format of {name}?", "--option", "Parquet (Recommended)", "--option", "CSV", "--agent", "exporter")
    done = ask("Home", f"Already done {name}?", "--agent", "claude")
    card = notebook.card("Question from claude on Home", f"Already done {name}?")
    card.get_by_role("textbox", name="Your answer").fill("yes")
    card.get_by_role("button", name="Reply").click()
    done.answer()
    expect(notebook.card("Question from exporter on Work", f"Format of {name}?")).to_be_visible()
    question = notebook.card("Question from claude on Work", f"Deploy {name}?")
    expect(question).to_be_visible()
    return question


def test_nothing_serious_is_found_in_any_part(notebook: Notebook, full: Locator, light_again: None) -> None:
    page = notebook.page
    full.locator("input[type=file]").set_input_files(
        [FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"x")], timeout=10_000
    )
    full.get_by_role("textbox", name="Your answer").press_sequentially("@")
    expect(full.get_by_role("listbox", name="Paths")).to_be_visible()
    assert findings(notebook) == []
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Filters").click()
    for button, dialog in (("2 of 2 servers connected", "Server connections"), ("Settings", "Settings")):
        page.get_by_role("button", name=button, exact=True).click()
        shown = page.get_by_role("dialog", name=dialog)
        expect(shown).to_be_visible()
        shown.get_by_role("button", name="Add server").click()
        assert findings(notebook) == [], dialog
        page.keyboard.press("Escape")
    narrow(notebook, 280)
    assert findings(notebook) == []


def test_colours_follow_the_theme_at_once(notebook: Notebook, full: Locator, light_again: None) -> None:
    colour = "root => getComputedStyle(root).backgroundColor"
    light = notebook.root().evaluate(colour)
    notebook.theme("JupyterLab Dark")
    dark = notebook.root().evaluate(colour)
    assert light == "rgb(255, 255, 255)"
    assert sum(int(part) for part in dark[4:-1].split(",")) < 150


WIDER = """root => [...root.querySelectorAll("button, textarea, input, select, p, h2, article")]
    .filter(item => item.offsetParent && !item.closest(".imc-sr, pre"))
    .filter(item => {
        const [own, all] = [item.getBoundingClientRect(), root.getBoundingClientRect()];
        return own.left < all.left - 1 || own.right > all.right + 1;
    }).map(item => item.outerHTML.slice(0, 120))"""


def test_nothing_is_cut_off_in_a_narrow_panel(notebook: Notebook, full: Locator) -> None:
    page = notebook.page
    for pixels in (280, 400, 600):
        narrow(notebook, pixels)
        assert notebook.root().evaluate(WIDER) == [], pixels
        for button in ("2 of 2 servers connected", "Settings"):
            page.get_by_role("button", name=button, exact=True).click()
            assert notebook.root().evaluate(WIDER) == [], (pixels, button)
            page.keyboard.press("Escape")
        expect(full.get_by_role("button", name="Reply")).to_be_visible()


FOCUSED = """() => {
    const item = document.activeElement;
    const inside = item.closest(".imc-root");
    const style = getComputedStyle(item.matches(".imc-switch > input") ? item.nextElementSibling : item);
    return [inside ? item.ariaLabel || item.textContent : "", !inside || style.outlineStyle !== "none"];
}"""


def walk(page: Page, start: Locator, steps: int) -> list[str]:
    """The names that the Tab key comes by from an element on; each must show that it has the focus."""
    start.focus()
    names = []
    for _ in range(steps):
        page.keyboard.press("Tab")
        name, outlined = page.evaluate(FOCUSED)
        assert outlined, name
        names.append(name)
    return names


def test_everything_can_be_reached_with_the_tab_key_and_shows_its_focus(notebook: Notebook, full: Locator) -> None:
    page = notebook.page
    header = walk(page, page.get_by_role("searchbox", name="Search messages"), 4)
    assert header == ["2 of 2 servers connected", "Pending only", "Filters", "Settings"]
    card = walk(page, full.get_by_role("button", name="Copy text"), 8)
    shown = [name for name in card if name != "make deploy # now"]
    assert shown[:7] == ["Copy code", "Yes", "No", "Continue", "Your answer", "Attach files", "Reply"]
    report = page.get_by_role("article", name="Report from cursor on Home").last
    assert walk(page, report.get_by_role("button", name="Copy text"), 3) == ["Your answer", "Attach files", "Confirm"]
    page.get_by_role("button", name="Settings").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Settings")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Settings")).to_be_focused()
