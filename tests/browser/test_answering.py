"""The whole path: agents in processes of their own, real servers, a real JupyterLab, a real Chromium."""

import re

import pytest
from lab_page import Notebook, StartAgent
from playwright.sync_api import expect
from processes import ServerProcess

from ipymultichat.model import Message

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_an_answer_typed_in_the_widget_reaches_its_agent_and_nobody_else(notebook: Notebook, ask: StartAgent) -> None:
    work = ask("Work", "Deploy build 142?", "--agent", "claude")
    home = ask("Home", "Water the plants?", "--agent", "gardener")
    card = notebook.card("Question from claude on Work", "Deploy build 142?")
    other = notebook.card("Question from gardener on Home", "Water the plants?")
    expect(card).to_contain_text("Work")
    expect(other).to_contain_text("Home")
    card.get_by_role("textbox", name="Your answer").fill("Yes, to staging first")
    card.get_by_role("button", name="Reply").click()
    assert work.answer() == "Yes, to staging first"
    expect(card).to_contain_text("replied")
    expect(other).to_contain_text("pending")
    assert home.waits()
    saved = notebook.save()
    for secret in ("s3cret", "Deploy build", "Water the plants", "to staging first"):
        assert secret not in saved
    assert "widget-view" in saved


def test_a_report_is_confirmed(notebook: Notebook, ask: StartAgent) -> None:
    agent = ask("Home", "Refactored the loader.", "--report", "--agent", "cursor")
    card = notebook.card("Report from cursor on Home", "Refactored the loader.")
    card.get_by_role("button", name="Confirm").click()
    assert agent.answer() == "Confirmed."
    expect(card).to_contain_text("confirmed")


def test_a_structured_question_is_answered_by_choosing(notebook: Notebook, ask: StartAgent) -> None:
    agent = ask("Work", "Which format?", "--option", "Parquet (Recommended)", "--option", "CSV", "--agent", "exporter")
    card = notebook.card("Question from exporter on Work", "Which format?")
    card.get_by_role("radio", name=re.compile("Parquet")).check()
    card.get_by_role("button", name="Reply").click()
    assert agent.answer() == "Q: Which format?\nA: Parquet"


def test_the_keyboard_alone_is_enough_and_no_notebook_shortcut_fires(notebook: Notebook, ask: StartAgent) -> None:
    agent = ask("Work", "Keyboard only?", "--agent", "claude")
    card = notebook.card("Question from claude on Work", "Keyboard only?")
    cells = notebook.page.locator(".jp-Cell").count()
    card.get_by_role("textbox", name="Your answer").focus()
    notebook.page.keyboard.type("dd aa bb x yes")
    notebook.page.keyboard.press("Control+Enter")
    assert agent.answer() == "dd aa bb x yes"
    assert notebook.page.locator(".jp-Cell").count() == cells


def test_a_dead_server_shows_in_badge_and_popup_and_comes_back_with_what_waits(
    notebook: Notebook, servers: dict[str, ServerProcess], ask: StartAgent
) -> None:
    page = notebook.page
    servers["Work"].kill()
    notebook.badge("1 of 2").click(timeout=15_000)
    popup = page.get_by_role("dialog", name="Server connections")
    entry = popup.get_by_role("listitem").filter(has_text="Work")
    expect(entry).to_contain_text("error")
    expect(entry).to_contain_text("connection refused", timeout=15_000)
    expect(entry).to_contain_text(re.compile(r"\d:\d\d|\d+ ?s"))
    expect(popup.get_by_role("listitem").filter(has_text="Home")).to_contain_text("connected")
    page.keyboard.press("Escape")
    expect(popup).to_be_hidden()
    alive = ask("Home", "Still there?", "--agent", "claude")
    card = notebook.card("Question from claude on Home", "Still there?")
    card.get_by_role("textbox", name="Your answer").fill("yes")
    card.get_by_role("button", name="Reply").click()
    assert alive.answer() == "yes"
    servers["Work"].start()
    notebook.badge("2 of 2").wait_for(timeout=30_000)
    ask("Work", "Back again?", "--agent", "claude")
    expect(notebook.card("Question from claude on Work", "Back again?")).to_be_visible()


def test_an_answer_to_a_server_that_is_down_says_what_it_waits_for_and_can_be_taken_back(
    notebook: Notebook, servers: dict[str, ServerProcess], ask: StartAgent
) -> None:
    ask("Work", "Cut off?", "--agent", "claude")
    card = notebook.card("Question from claude on Work", "Cut off?")
    expect(card).to_be_visible()
    servers["Work"].kill()
    expect(card).to_contain_text("offline")
    card.get_by_role("textbox", name="Your answer").fill("later, then")
    card.get_by_role("button", name="Reply").click()
    expect(card).to_contain_text("Work cannot be reached")
    card.get_by_role("button", name="Take back").click()
    expect(card.get_by_role("textbox", name="Your answer")).to_have_value("later, then")
    servers["Work"].start()
    notebook.badge("2 of 2").wait_for(timeout=30_000)


def test_questions_that_come_together_are_read_out_with_their_texts(notebook: Notebook, ask: StartAgent) -> None:
    said = notebook.root().locator(".imc-sr[role=status]")
    for number in range(3):
        ask("Work", f"Read out {number}?", "--agent", "claude")
    for number in range(3):
        expect(notebook.card("Question from claude on Work", f"Read out {number}?")).to_be_visible()
    expect(said).to_contain_text("Question from claude on Work: Read out 2?")


def test_a_reloaded_page_shows_everything_again(notebook: Notebook, ask: StartAgent) -> None:
    agent = ask("Work", "Before the reload?", "--agent", "claude")
    expect(notebook.card("Question from claude on Work", "Before the reload?")).to_be_visible()
    notebook.save()
    notebook.open()
    notebook.badge("2 of 2").wait_for(timeout=30_000)
    card = notebook.card("Question from claude on Work", "Before the reload?")
    card.get_by_role("textbox", name="Your answer").fill("after it")
    card.get_by_role("button", name="Reply").click()
    assert agent.answer() == "after it"


def test_chat_is_written_and_read_in_the_widget(notebook: Notebook, servers: dict[str, ServerProcess]) -> None:
    import threading

    from ipymultichat.hub import Chat

    ada = Chat([servers["Home"].url], token="s3cret-token", nickname="ada", io="thread", profile=":memory:")
    came = threading.Event()

    @ada.on_message(kind="chat")
    def answer(message: Message) -> str:
        came.set()
        return f"got {message.text}"

    page = notebook.page
    person = page.get_by_role("list", name="Online users").get_by_role("button", name="ada@Home")
    person.click()
    expect(page.get_by_role("heading", name="ada@Home")).to_be_visible()
    page.get_by_role("textbox", name="Message", exact=True).fill("lunch?")
    page.get_by_role("button", name="Send", exact=True).click()
    assert came.wait(10)
    expect(notebook.card("Chat with ada@Home", "got lunch?")).to_be_visible()
    ada.close()


def test_an_answer_that_failed_is_put_away_and_its_text_can_be_copied(notebook: Notebook, ask: StartAgent) -> None:
    page = notebook.page
    popup = page.get_by_role("dialog", name="Server connections")

    def switch(before: str, after: str) -> None:
        notebook.badge(before).click()
        popup.get_by_role("switch", name="Use Work").press("Space")
        page.keyboard.press("Escape")
        notebook.badge(after).wait_for(timeout=30_000)

    ask("Work", "Still wanted?", "--agent", "claude")
    card = notebook.card("Question from claude on Work", "Still wanted?")
    expect(card).to_be_visible()
    switch("2 of 2", "1 of 1")
    card.get_by_role("textbox", name="Your answer").fill("never mind")
    card.get_by_role("button", name="Reply").click()
    expect(card).to_contain_text("failed")
    expect(card.get_by_role("textbox", name="Your answer")).to_have_value("never mind")
    card.get_by_role("button", name="Discard").click()
    expect(card).to_contain_text("cancelled")
    expect(card).to_contain_text("Your text, not sent:")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    card.get_by_role("button", name="Copy", exact=True).click()
    assert page.evaluate("navigator.clipboard.readText()") == "never mind"
    switch("1 of 1", "2 of 2")
    expect(card).to_contain_text("cancelled")
