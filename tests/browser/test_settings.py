"""Servers, answering habits and the log, managed from the widget alone."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from lab_page import Notebook, StartAgent
from playwright.sync_api import Locator, expect
from processes import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


Show = Callable[..., Locator]


@pytest.fixture
def settings(notebook: Notebook) -> Iterator[Show]:
    """Opens and closes the settings; afterwards they are as they were."""
    page = notebook.page
    dialog = page.get_by_role("dialog", name="Settings")

    def show(visible: bool = True) -> Locator:
        if dialog.is_visible() is not visible:
            page.get_by_role("button", name="Settings", exact=True).click()
        expect(dialog).to_be_visible(visible=visible)
        return dialog

    yield show
    show()
    for label in ("Put before replies", "Put after replies", re.compile("Quick answers")):
        dialog.get_by_label(label).fill("")
        dialog.get_by_label(label).blur()


def answer_with(card: Locator, text: str) -> None:
    card.get_by_role("textbox", name="Your answer").fill(text)
    card.get_by_role("button", name="Reply").click()


def test_prefix_and_suffix_stand_around_an_answer_unless_it_goes_without(
    notebook: Notebook, settings: Show, ask: StartAgent
) -> None:
    dialog = settings()
    dialog.get_by_label("Put before replies").fill("In short:")
    dialog.get_by_label("Put before replies").blur()
    dialog.get_by_label("Put after replies").fill("Answer in English.")
    dialog.get_by_label("Put after replies").blur()
    settings(visible=False)
    first, second = ask("Work", "Wrapped?", "--agent", "claude"), ask("Home", "Bare?", "--agent", "claude")
    answer_with(notebook.card("Question from claude on Work", "Wrapped?"), "yes")
    assert first.answer() == "In short:\nyes\nAnswer in English."
    card = notebook.card("Question from claude on Home", "Bare?")
    card.get_by_role("checkbox", name="With prefix and suffix").uncheck()
    answer_with(card, "no")
    assert second.answer() == "no"


def test_quick_answers_are_ones_own_and_one_press_more_sends(
    notebook: Notebook, settings: Show, ask: StartAgent
) -> None:
    agent = ask("Work", "Quickly?", "--agent", "claude")
    card = notebook.card("Question from claude on Work", "Quickly?")
    expect(card.get_by_role("button", name="Continue")).to_be_visible()
    dialog = settings()
    dialog.get_by_label(re.compile("Quick answers")).fill("Ship it, Not now")
    dialog.get_by_label(re.compile("Quick answers")).blur()
    settings(visible=False)
    card.get_by_role("button", name="Ship it").click()
    expect(card.get_by_role("button", name="Reply")).to_be_focused()
    notebook.page.keyboard.press("Enter")
    assert agent.answer() == "Ship it"


def test_a_snippet_is_made_in_the_settings_and_called_up_by_its_name(
    notebook: Notebook, settings: Show, ask: StartAgent
) -> None:
    dialog = settings()
    dialog.get_by_role("button", name="Add snippet").click()
    dialog.get_by_label("Snippet name").fill("tests")
    dialog.get_by_label("Snippet text").fill("Run all tests first.")
    dialog.get_by_role("button", name="Save").last.click()
    expect(dialog.get_by_role("list", name="Snippets")).to_contain_text("/tests")
    settings(visible=False)
    agent = ask("Work", "Shall I merge?", "--agent", "claude")
    card = notebook.card("Question from claude on Work", "Shall I merge?")
    box = card.get_by_role("textbox", name="Your answer")
    box.focus()
    notebook.page.keyboard.type("/te")
    option = card.get_by_role("listbox", name="Snippets").get_by_role("option", name="/tests")
    expect(option).to_have_attribute("aria-selected", "true")
    notebook.page.keyboard.press("Enter")
    expect(box).to_have_value("Run all tests first.")
    notebook.page.keyboard.press("Control+Enter")
    assert agent.answer() == "Run all tests first."
    settings().get_by_role("button", name="Delete /tests").click()
    expect(dialog.get_by_role("list", name="Snippets")).to_have_count(0)


def test_opening_the_settings_loses_nothing_that_was_typed(notebook: Notebook, settings: Show, ask: StartAgent) -> None:
    ask("Work", "Long answer?", "--agent", "claude")
    card = notebook.card("Question from claude on Work", "Long answer?")
    card.get_by_role("textbox", name="Your answer").fill("a long answer, half")
    settings()
    settings(visible=False)
    expect(card.get_by_role("textbox", name="Your answer")).to_have_value("a long answer, half")


def test_the_language_changes_at_once_and_back(notebook: Notebook, settings: Show) -> None:
    settings().get_by_label("Language").select_option("zh")
    expect(notebook.page.get_by_role("log", name="消息列表")).to_be_visible()
    dialog = notebook.page.get_by_role("dialog", name="设置")
    dialog.get_by_role("button", name="添加服务器").click()
    dialog.get_by_label("地址").fill("ws://user@host")
    expect(dialog).to_contain_text("地址会显示并保存在笔记本中")
    dialog.get_by_role("button", name="取消").click()
    notebook.page.get_by_role("dialog", name="设置").get_by_label("语言").select_option("en")
    expect(notebook.page.get_by_role("log", name="Messages")).to_be_visible()


def test_the_log_is_exported_and_cleared_but_what_waits_stays(
    notebook: Notebook, settings: Show, ask: StartAgent
) -> None:
    done = ask("Work", "Done soon?", "--agent", "claude")
    answer_with(notebook.card("Question from claude on Work", "Done soon?"), "yes")
    done.answer()
    ask("Work", "Waits on?", "--agent", "claude")
    expect(notebook.card("Question from claude on Work", "Waits on?")).to_be_visible()
    dialog = settings()
    with notebook.page.expect_download() as saved:
        dialog.get_by_role("button", name="Export").click()
    rows = [json.loads(line) for line in saved.value.path().read_text().splitlines()]
    assert {"Done soon?", "Waits on?"} <= {row["text"] for row in rows}
    assert saved.value.suggested_filename.endswith(".jsonl")
    dialog.get_by_role("button", name="Clear history").click()
    dialog.get_by_role("button", name="Clear", exact=True).click()
    expect(notebook.card("Question from claude on Work", "Done soon?")).to_have_count(0)
    expect(notebook.card("Question from claude on Work", "Waits on?")).to_be_visible()


def test_a_server_with_a_token_of_its_own_is_added_and_has_it_changed(
    notebook: Notebook, servers: dict[str, ServerProcess]
) -> None:
    page = notebook.page
    foreign = ServerProcess("another-secret").start()
    notebook.badge("2 of 2").click()
    popup = page.get_by_role("dialog", name="Server connections")
    popup.get_by_role("button", name="Add server").click()
    popup.get_by_label("Address").fill(foreign.url)
    popup.get_by_label("Name (optional)").fill("Foreign")
    own = popup.get_by_label("Token for this server alone")
    own.fill("wrong-one")
    popup.get_by_role("button", name="Test connection").click()
    expect(popup).to_contain_text("the server refused the login")
    popup.get_by_role("button", name="Add server").click()
    entry = popup.get_by_role("listitem").filter(has_text="Foreign")
    expect(entry).to_contain_text("the server refused the login")
    entry.get_by_label("Token for this server alone").fill("another-secret")
    page.keyboard.press("Enter")
    expect(notebook.badge("3 of 3")).to_be_visible()
    entry.get_by_role("button", name="Edit Foreign").click()
    expect(own).to_have_value("")
    expect(own).to_have_attribute("placeholder", "set; empty: leave it")
    popup.get_by_role("button", name="Test connection").click()
    expect(popup).to_contain_text("Connected: the server accepts your token.")
    popup.get_by_label("Forget it").check()
    popup.get_by_role("button", name="Save").click()
    expect(entry).to_contain_text("the server refused the login")
    entry.get_by_role("button", name="Delete Foreign").click()
    entry.get_by_role("button", name="Delete", exact=True).click()
    expect(notebook.badge("2 of 2")).to_be_visible()
    foreign.kill()
    assert "another-secret" not in notebook.save()


def test_a_server_is_renamed_switched_off_and_on_and_deleted_after_a_question(
    notebook: Notebook, servers: dict[str, ServerProcess]
) -> None:
    page = notebook.page
    notebook.badge("2 of 2").click()
    popup = page.get_by_role("dialog", name="Server connections")
    popup.get_by_role("button", name="Edit Work").click()
    popup.get_by_label("Name (optional)").fill("Office")
    popup.get_by_role("button", name="Save").click()
    entry = popup.get_by_role("listitem").filter(has_text="Office")
    expect(entry).to_contain_text("connected")
    entry.get_by_role("switch", name="Use Office").press("Space")
    expect(entry).to_contain_text("switched off")
    expect(notebook.badge("1 of 1")).to_be_visible()
    entry.get_by_role("switch", name="Use Office").press("Space")
    expect(notebook.badge("2 of 2")).to_be_visible()
    popup.get_by_role("button", name="Add server").click()
    popup.get_by_label("Address").fill("ws://127.0.0.1:9")
    popup.get_by_label("Name (optional)").fill("Nobody")
    popup.get_by_role("button", name="Test connection").click()
    expect(popup).to_contain_text("connection refused")
    popup.get_by_role("button", name="Add server").click()
    nobody = popup.get_by_role("listitem").filter(has_text="Nobody")
    expect(nobody).to_contain_text("error")
    expect(nobody).to_contain_text(re.compile(r"attempt \d"))
    nobody.get_by_role("button", name="Retry now").click()
    expect(nobody).to_contain_text(re.compile(r"attempt 1(?!\d)|connecting"))
    nobody.get_by_role("button", name="Delete Nobody").click()
    nobody.get_by_role("button", name="Cancel").click()
    nobody.get_by_role("button", name="Delete Nobody").click()
    expect(nobody).to_contain_text("Delete Nobody from the list?")
    nobody.get_by_role("button", name="Delete", exact=True).click()
    expect(nobody).to_have_count(0)
    expect(notebook.badge("2 of 2")).to_be_visible()
    entry.get_by_role("button", name="Edit Office").click()
    popup.get_by_label("Name (optional)").fill("Work")
    popup.get_by_role("button", name="Test connection").click()
    expect(popup).to_contain_text("Connected: the server accepts your token.")
    popup.get_by_role("button", name="Save").click()
    expect(popup.get_by_role("listitem").filter(has_text="Work")).to_contain_text("connected")
