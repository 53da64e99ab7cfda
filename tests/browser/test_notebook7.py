"""The same inbox in Jupyter Notebook 7 instead of JupyterLab."""

import pytest
from lab_page import StartAgent, document
from playwright.sync_api import Browser, expect

from ipymultichat.cli.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_the_inbox_works_in_notebook_7_and_typing_triggers_no_shortcut(
    lab: Lab, chromium: Browser, ask: StartAgent
) -> None:
    (lab.notebooks / "classic.ipynb").write_text(
        document("from ipymultichat import MultiChat\nchat = MultiChat()\nchat")
    )
    context = chromium.new_context(viewport={"width": 1200, "height": 1000}, locale="en-US")
    page = context.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(error.stack or str(error)))
    with page.expect_websocket(lambda socket: "/channels" in socket.url, timeout=60_000):
        page.goto(lab.address_of("classic.ipynb").replace("/lab/tree/", "/notebooks/"))
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    # A cell run before its kernel is there is not run at all.
    page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for(state="attached", timeout=60_000)
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_role("button", name="2 of 2 servers connected")).to_be_visible(timeout=60_000)
    cells = page.locator(".jp-Cell").count()
    agent = ask("Work", "From the classic notebook?", "--agent", "claude")
    card = page.get_by_role("article", name="Question from claude on Work")
    card.get_by_role("textbox", name="Your answer").press_sequentially("add a cell: aabbddmm")
    card.get_by_role("button", name="Reply").click()
    assert agent.answer() == "add a cell: aabbddmm"
    expect(page.locator(".jp-Cell")).to_have_count(cells)
    context.close()
    # Notebook 7.6 stumbles over its own settings while it starts.
    assert [error for error in errors if "/static/notebook/" not in error] == []
