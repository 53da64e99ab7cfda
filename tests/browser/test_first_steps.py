"""Nothing set up yet: from an empty inbox to the first answer without leaving it."""

import os
import shlex
import sys
from pathlib import Path

import pytest
from lab_page import OpenNotebook, document
from playwright.sync_api import expect
from processes import end, start

from ipymultichat.cli.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

CELL = "from ipymultichat import MultiChat\nMultiChat([], profile=':memory:', nickname='me')"


def test_a_newcomer_has_a_server_and_a_first_answer_in_three_clicks_and_one_paste(
    lab: Lab, open_notebook: OpenNotebook
) -> None:
    path = lab.notebooks / "first-steps.ipynb"
    path.write_text(document(CELL))
    notebook = open_notebook(path)
    page = notebook.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_role("button", name="No servers")).to_be_visible()
    page.get_by_role("button", name="Start a local server").click()
    notebook.badge("1 of 1").wait_for()
    sample = page.locator(".imc-sample code")
    expect(sample).to_contain_text("ipymultichat ask ws://127.0.0.1:")
    page.locator(".imc-sample").get_by_role("button", name="Copy").click()
    expect(page.locator(".imc-sample")).to_contain_text("Copied")
    pasted = page.evaluate("navigator.clipboard.readText()")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    agent = start(["sh", "-c", pasted], environment)
    try:
        # The third click after one to start and one to copy; the answer's box is beneath the question.
        card = notebook.page.get_by_role("article").filter(has=page.get_by_role("textbox", name="Your answer"))
        card.get_by_role("textbox", name="Your answer").fill("go on")
        card.get_by_role("button", name="Reply").click()
        out, _ = agent.communicate(timeout=15)
        assert (out.rstrip("\n"), agent.returncode) == ("go on", 0)
        page.get_by_role("button", name="Settings").click()
        setup = page.get_by_role("dialog", name="Settings").locator(".imc-agent-setup")
        setup.get_by_role("combobox").select_option(label="Claude Code")
        expect(setup.locator("code")).to_contain_text('"Authorization": "Bearer ${MULTICHAT_TOKEN}"')
        words = shlex.split(pasted)
        assert words[-2] == "--token-file"
        token = Path(words[-1]).read_text()
        assert token not in page.content()
        setup.get_by_role("button", name="Show it").click()
        expect(setup.locator("code")).to_contain_text(f'"Authorization": "Bearer {token}"')
        setup.get_by_role("button", name="Hide it").click()
        expect(setup.locator("code")).to_contain_text("${MULTICHAT_TOKEN}")
        assert token not in page.content()
    finally:
        end(agent)
