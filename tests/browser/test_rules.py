"""Handlers of code cells in the widget, and what cells show."""

import pytest
from lab_page import Notebook, StartAgent
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

RULE = """
@chat.on_message(kind="question", agent="cursor")
def auto(message):
    return {"Which branch?": "main"}[message.text]
"""


def test_a_rule_is_listed_with_what_it_did_and_paused_by_its_switch(notebook: Notebook, ask: StartAgent) -> None:
    notebook.run_below(RULE)
    item = notebook.page.get_by_role("list", name="Rules").get_by_role("listitem")
    expect(item).to_contain_text("auto kind='question', agent='cursor'")
    assert ask("Work", "Which branch?", "--agent", "cursor").answer() == "main"
    card = notebook.card("Question from cursor on Work", "Which branch?")
    expect(card).to_contain_text("answered by the rule auto")
    ask("Work", "Why?", "--agent", "cursor")
    expect(notebook.card("Question from cursor on Work", "Why?")).to_contain_text("the rule auto failed: KeyError")
    expect(item).to_contain_text("2 matched")
    item.get_by_role("switch", name="Paused").press("Space")
    notebook.run_below("chat.rules")
    cells = notebook.page.locator(".jp-OutputArea table td")
    expect(cells).to_have_text(["auto", "yes", "2", "kind='question', agent='cursor'"])
