"""Nothing set up yet: from an empty inbox to the first answer without leaving it."""

import shlex
from pathlib import Path

import pytest
from lab_page import Agent, OpenNotebook, document
from playwright.sync_api import expect

from ipymultichat.cli.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

CELL = "from ipymultichat import MultiChat\nMultiChat([], profile=':memory:', nickname='me')"


def test_a_local_server_is_started_from_the_empty_inbox_and_used(lab: Lab, open_notebook: OpenNotebook) -> None:
    path = lab.notebooks / "first-steps.ipynb"
    path.write_text(document(CELL))
    notebook = open_notebook(path)
    page = notebook.page
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_role("button", name="No servers")).to_be_visible()
    page.get_by_role("button", name="Start a local server").click()
    notebook.badge("1 of 1").wait_for()
    sample = page.locator(".imc-sample code")
    expect(sample).to_contain_text("ipymultichat ask ws://127.0.0.1:")
    words = shlex.split(sample.inner_text())
    assert words[-2] == "--token-file"
    agent = Agent(words[2], "Shall I go on?", "--agent", "first", *words[-2:])
    try:
        card = notebook.card("Question from first on Local", "Shall I go on?")
        card.get_by_role("textbox", name="Your answer").fill("go on")
        card.get_by_role("button", name="Reply").click()
        assert agent.answer() == "go on"
        page.get_by_role("button", name="Settings").click()
        setup = page.get_by_role("dialog", name="Settings").locator(".imc-agent-setup")
        setup.get_by_role("combobox").select_option(label="Claude Code")
        expect(setup.locator("code")).to_contain_text('"Authorization": "Bearer ${MULTICHAT_TOKEN}"')
        token = Path(words[-1]).read_text()
        assert token not in page.content()
        setup.get_by_role("button", name="Show it").click()
        expect(setup.locator("code")).to_contain_text(f'"Authorization": "Bearer {token}"')
        setup.get_by_role("button", name="Hide it").click()
        expect(setup.locator("code")).to_contain_text("${MULTICHAT_TOKEN}")
        assert token not in page.content()
    finally:
        agent.process.kill()
        agent.process.communicate()
