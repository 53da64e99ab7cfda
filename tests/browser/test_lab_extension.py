"""The inbox in the side bar, without a notebook: the extension in a real JupyterLab, on a kernel of its own."""

import pytest
from lab_page import StartAgent
from playwright.sync_api import Browser, Page, expect

from ipymultichat.cli.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def command(page: Page, label: str) -> None:
    """Run a command of the palette."""
    page.evaluate("void jupyterapp.commands.execute('apputils:activate-command-palette')")
    page.locator("#modal-command-palette input").fill(label)
    page.locator("#modal-command-palette .lm-CommandPalette-item", has_text=label).click()


def test_the_inbox_opens_from_the_side_bar_answers_and_is_there_after_a_reload(
    lab: Lab, chromium: Browser, ask: StartAgent
) -> None:
    page = chromium.new_context(viewport={"width": 1200, "height": 900}, locale="en-US").new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    # In a workspace of its own: the one that other tests have open would keep its layout over this one's.
    page.goto(f"{lab.address_of('').replace('/tree/', '/workspaces/side-bar')}&reset")
    page.locator(".jp-LauncherCard", has_text="MultiChat").wait_for(timeout=60_000)
    tab = page.locator(".lm-TabBar-tab[data-id=ipymultichat]")
    tab.click()
    panel = page.get_by_role("region", name="MultiChat")
    expect(panel.get_by_role("button", name="2 of 2 servers connected")).to_be_visible(timeout=60_000)
    agent = ask("Work", "Deploy?", "--agent", "claude")
    expect(tab).to_contain_text("1")
    expect(page.get_by_text("MultiChat: 1 pending")).to_be_visible()
    command(page, "Next pending message")
    box = panel.get_by_role("textbox", name="Your answer")
    expect(box).to_be_focused()
    page.reload()
    box.wait_for(timeout=60_000)
    box.fill("after lunch")
    panel.get_by_role("button", name="Reply").click()
    assert agent.answer() == "after lunch"
    assert [session["name"] for session in lab.request("GET", "sessions")] == ["MultiChat inbox"]
    command(page, "Close the inbox and shut its kernel down")
    panel.get_by_role("button", name="Open it again").click()
    expect(panel.get_by_role("button", name="2 of 2 servers connected")).to_be_visible(timeout=60_000)
    expect(panel.get_by_role("article", name="Question from claude on Work")).to_contain_text("after lunch")
    assert errors == []
    page.context.close()
