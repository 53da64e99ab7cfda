import pytest
from lab_page import Notebook, OpenNotebook, StartAgent, document
from playwright.sync_api import expect

from ipymultichat.cli.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture
def panel(lab: Lab, open_notebook: OpenNotebook) -> Notebook:
    """A notebook with the inbox in the side panel."""
    path = lab.notebooks / "sidebar.ipynb"
    path.write_text(
        document("from ipymultichat import MultiChat\nchat = MultiChat()\nchat.sidebar()", "chat.sidebar()")
    )
    notebook = open_notebook(path)
    notebook.run()
    return notebook


def test_the_side_panel_shows_the_inbox_and_outlives_the_cells_output(panel: Notebook, ask: StartAgent) -> None:
    notebook, page = panel, panel.page
    badge = page.locator("#jp-right-stack").get_by_role("button", name="2 of 2 servers connected")
    expect(badge).to_be_visible()
    page.keyboard.press("Shift+Enter")
    page.get_by_text("[2]:").wait_for()
    expect(badge).to_have_count(1)
    expect(badge).to_be_visible()
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Escape")
    page.get_by_role("menuitem", name="Edit", exact=True).click()
    page.get_by_text("Clear Outputs of All Cells").click()
    agent = ask("Work", "In the panel?", "--agent", "claude")
    card = notebook.card("Question from claude on Work", "In the panel?")
    card.get_by_role("textbox", name="Your answer").fill("yes")
    card.get_by_role("button", name="Reply").click()
    assert agent.answer() == "yes"


def test_the_title_of_the_side_panel_counts_what_is_unread(panel: Notebook, ask: StartAgent) -> None:
    page = panel.page
    tab = page.locator(".jp-SideBar .lm-TabBar-tab", has_text="MultiChat")
    title = tab.locator(".lm-TabBar-tabLabel")
    expect(title).to_have_text("MultiChat")
    # With a filter on, nothing that comes in is known to have been in view.
    pending = page.get_by_role("button", name="Pending only")
    pending.click()
    for number in (1, 2):
        ask("Work", f"Counted {number}?", "--agent", "claude")
        expect(title).to_have_text(f"MultiChat ({number})")
    tab.click()
    expect(pending).to_be_hidden()
    expect(title).to_have_text("MultiChat (2)")
    tab.click()
    pending.click()
    expect(title).to_have_text("MultiChat")
    tab.click()
    expect(pending).to_be_hidden()
    ask("Home", "In the dark?", "--agent", "claude")
    expect(title).to_have_text("MultiChat (1)")
    # JupyterLab draws its tabs again; the panel of another call takes the place of this one.
    page.keyboard.press("Escape")
    page.locator(".jp-CodeCell .cm-content").last.click()
    page.keyboard.press("Shift+Enter")
    expect(pending).to_be_visible()
    expect(title).to_have_text("MultiChat")
    expect(title).to_have_count(1)
