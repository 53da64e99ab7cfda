"""Somebody who has never seen it, without a mouse and without instructions."""

import pytest
from lab_page import Notebook, StartAgent
from playwright.sync_api import Locator, Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PATIENCE = 60
"""How often a person presses Tab before they give up."""


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus, as somebody does who looks where it goes."""
    for _ in range(PATIENCE):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{target} was not reached by {PATIENCE} presses of Tab")


def test_the_three_kinds_of_message_are_answered_with_the_keyboard_alone(notebook: Notebook, ask: StartAgent) -> None:
    page = notebook.page
    free = ask("Work", "Deploy build 142?", "--agent", "claude-code")
    chosen = ask("Work", "Which format?", "--option", "Parquet", "--option", "CSV", "--agent", "exporter")
    report = ask("Home", "Refactored the loader.", "--report", "--agent", "cursor")
    question = notebook.card("Question from claude-code on Work", "Deploy build 142?")
    choice = notebook.card("Question from exporter on Work", "Which format?")
    done = notebook.card("Report from cursor on Home", "Refactored the loader.")
    for card in (question, choice, done):
        expect(card).to_be_visible()

    tab_to(page, question.get_by_role("textbox", name="Your answer"))
    page.keyboard.type("after lunch")
    tab_to(page, question.get_by_role("button", name="Reply"))
    page.keyboard.press("Enter")
    assert free.answer() == "after lunch"
    expect(question).to_contain_text("replied")

    tab_to(page, choice.get_by_role("radio").first)
    page.keyboard.press("ArrowDown")
    expect(choice.get_by_role("radio", name="CSV")).to_be_checked()
    tab_to(page, choice.get_by_role("button", name="Reply"))
    page.keyboard.press("Enter")
    assert "CSV" in chosen.answer()

    tab_to(page, done.get_by_role("button", name="Confirm"))
    page.keyboard.press("Enter")
    assert report.answer() == "Confirmed."
    expect(done).to_contain_text("confirmed")
    expect(page.locator(".jp-CodeCell")).to_have_count(2)  # as many as the notebook has
