"""Finding and reading: cards, drafts, history, completion, conversations, search, the pill, several views."""

import re
from pathlib import Path

import pytest
from lab_page import Join, Notebook, StartAgent
from playwright.sync_api import ElementHandle, FloatRect, Locator, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

MARKDOWN = """# Plan

Use **two** workers.

```python
def main():
    return "ok"
```

<script>window.ran = 1</script><img src=x onerror="window.ran = 2">

![chart](https://example.org/chart.png) [click](javascript:window.ran=3)
"""


def bounds(part: Locator | ElementHandle | None) -> FloatRect:
    """Where something is that can be seen."""
    found = part and part.bounding_box()
    assert found
    return found


def box(card: Locator) -> Locator:
    return card.get_by_role("textbox", name="Your answer")


def test_markdown_is_shown_with_code_to_copy_and_nothing_in_it_runs_or_is_fetched(
    notebook: Notebook, ask: StartAgent
) -> None:
    asked = []
    notebook.page.on("request", lambda request: asked.append(request.url))
    ask("Work", MARKDOWN, "--agent", "planner")
    card = notebook.card("Question from planner on Work", "workers")
    expect(card.get_by_role("heading", name="Plan")).to_be_visible()
    expect(card.locator("strong")).to_have_text("two")
    notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    card.get_by_role("button", name="Copy code").click()
    expect(card.get_by_role("button", name="Copied")).to_be_visible()
    assert notebook.page.evaluate("navigator.clipboard.readText()") == 'def main():\n    return "ok"'
    card.get_by_role("button", name="Show source").click()
    expect(card).to_contain_text("**two**")
    card.get_by_role("button", name="Show formatted").click()
    expect(card).not_to_contain_text("**two**")
    expect(card.get_by_role("link", name="chart")).to_have_attribute("href", "https://example.org/chart.png")
    assert card.locator('a[href^="javascript"], script, img').count() == 0
    assert notebook.page.evaluate("window.ran") is None
    assert not [url for url in asked if "example.org" in url]


def test_a_long_text_is_folded_until_it_is_wanted(notebook: Notebook, ask: StartAgent) -> None:
    ask("Work", "\n\n".join(f"paragraph {n}" for n in range(60)), "--agent", "novelist")
    card = notebook.card("Question from novelist on Work", "paragraph 1")
    folded = bounds(card)["height"]
    card.get_by_role("button", name="Show more").click()
    expect(card.get_by_role("button", name="Show less")).to_be_visible()
    assert bounds(card)["height"] > 2 * folded


def test_a_draft_outlives_filter_and_scrolling_and_a_reload(notebook: Notebook, ask: StartAgent) -> None:
    ask("Work", "A draft?", "--agent", "claude")
    card = notebook.card("Question from claude on Work", "A draft?")
    box(card).fill("half an answer")
    pending = notebook.page.get_by_role("button", name="Pending only")
    search = notebook.page.get_by_role("searchbox", name="Search messages")
    search.fill("something that is nowhere")
    expect(card).to_have_count(0)
    search.fill("")
    expect(box(card)).to_have_value("half an answer")
    pending.click()
    expect(box(card)).to_have_value("half an answer")
    pending.click()
    notebook.page.get_by_role("log", name="Messages").evaluate("log => { log.scrollTop = 0 }")
    expect(box(card)).to_have_value("half an answer")
    notebook.page.wait_for_timeout(400)
    notebook.save()
    notebook.open()
    expect(box(card)).to_have_value("half an answer", timeout=30_000)


def test_arrows_in_an_empty_box_walk_earlier_answers(notebook: Notebook, ask: StartAgent) -> None:
    for number, text in enumerate(("first answer", "second answer")):
        agent = ask("Work", f"History {number}?", "--agent", "claude")
        card = notebook.card("Question from claude on Work", f"History {number}?")
        box(card).fill(text)
        box(card).press("Control+Enter")
        assert agent.answer() == text
    ask("Work", "History 2?", "--agent", "claude")
    last = box(notebook.card("Question from claude on Work", "History 2?"))
    for key, text in (("ArrowUp", "second answer"), ("ArrowUp", "first answer"), ("ArrowDown", "second answer")):
        last.press(key)
        expect(last).to_have_value(text)


def test_paths_of_the_project_are_completed_with_the_keyboard(
    notebook: Notebook, ask: StartAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "loader.py").write_text("")
    (tmp_path / "secret.log").write_text("")
    (tmp_path / ".gitignore").write_text("*.log\n")
    monkeypatch.chdir(tmp_path)
    agent = ask("Work", "Which module?", "--agent", "claude")
    card = notebook.card("Question from claude on Work", "Which module?")
    box(card).focus()
    notebook.page.keyboard.type("look at @ldr")
    option = card.get_by_role("listbox", name="Paths").get_by_role("option")
    expect(option).to_have_text("src/loader.py")
    notebook.page.keyboard.press("Tab")
    expect(box(card)).to_have_value("look at @src/loader.py ")
    notebook.page.keyboard.type("and @secret")
    expect(card.get_by_role("listbox")).to_have_count(0)
    notebook.page.keyboard.press("Control+Enter")
    assert agent.answer() == "look at @src/loader.py and @secret"


def test_a_conversation_says_who_has_left_and_goes_on_when_they_are_back(notebook: Notebook, person: Join) -> None:
    page = notebook.page
    ada = person("ada", "Home")
    page.get_by_role("list", name="Online users").get_by_role("button", name="ada@Home").click()
    expect(page.get_by_role("heading", name="ada@Home")).to_be_visible()
    page.get_by_role("textbox", name="Message", exact=True).fill("are you there?")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(notebook.card("Chat with ada@Home", "are you there?")).to_contain_text("sent")
    ada.close()
    expect(page.get_by_role("heading", name="ada@Home").locator("..")).to_contain_text("gone")
    page.get_by_role("textbox", name="Message", exact=True).fill("and now?")
    expect(page.get_by_role("alert")).to_contain_text("ada@Home has left")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    person("ada", "Home")
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("article", name="Chat with ada@Home")).to_have_count(2)
    page.get_by_role("button", name="All messages").click()
    expect(page.get_by_role("heading", name="ada@Home")).to_have_count(0)


def test_a_search_finds_by_text_and_kind_and_server(notebook: Notebook, ask: StartAgent) -> None:
    page = notebook.page
    ask("Work", "Paint the bikeshed?", "--agent", "claude")
    ask("Home", "The bikeshed is green now.", "--report", "--agent", "painter")
    search = page.get_by_role("searchbox", name="Search messages")
    search.fill("BIKESHED")
    articles = page.get_by_role("article")
    expect(articles).to_have_count(2)
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Kind").select_option("report")
    expect(articles).to_have_count(1)
    expect(articles).to_contain_text("green now")
    page.get_by_label("Kind").select_option("")
    page.get_by_label("Server", exact=True).select_option(label="Work")
    expect(articles).to_contain_text("Paint the bikeshed?")
    search.fill("nowhere to be found")
    page.get_by_role("button", name="Show everything").click()
    expect(articles.first).to_be_visible()
    expect(search).to_have_value("")


FIRST_WHOLE = """log => {
    const { top } = log.getBoundingClientRect();
    return [...log.querySelectorAll("article")].find(card => card.getBoundingClientRect().top >= top);
}"""


def test_nothing_jumps_when_a_message_comes_while_reading_further_up(notebook: Notebook, ask: StartAgent) -> None:
    page = notebook.page
    for number in range(16):
        ask("Work", f"Row {number}?", "--agent", "counter")
    # They come in whatever order their processes are ready.
    expect(notebook.card("Question from counter on Work", "Row")).to_have_count(16)
    notebook.settle()
    log = page.get_by_role("log", name="Messages")
    log.evaluate("log => { log.scrollTop = log.scrollHeight / 3 }")
    # On a busy machine the browser takes a while until it tells the list that it was scrolled.
    expect(page.get_by_role("button", name="Jump to latest")).to_be_visible()
    notebook.settle()
    # Not how far it is scrolled: that follows the heights of what is above, so that what is in view stays.
    seen = log.evaluate_handle(FIRST_WHOLE).as_element()
    top = bounds(seen)["y"]
    ask("Home", "Newest of all?", "--agent", "late")
    pill = page.get_by_role("button", name=re.compile(r"\d+ new"))
    expect(pill).to_be_visible()
    assert abs(bounds(seen)["y"] - top) <= 1
    pill.click()
    expect(notebook.card("Question from late on Home", "Newest of all?")).to_be_in_viewport()
    expect(pill).to_have_count(0)


def test_a_second_view_of_the_same_inbox_stays_in_step(notebook: Notebook, ask: StartAgent) -> None:
    page = notebook.page
    agent = ask("Work", "Two views?", "--agent", "claude")
    cards = notebook.card("Question from claude on Work", "Two views?")
    expect(cards).to_have_count(1)
    page.locator(".jp-CodeCell .cm-content").last.click()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.type("display(chat)")
    page.keyboard.press("Shift+Enter")
    expect(cards).to_have_count(2)
    box(cards.nth(0)).fill("typed in one")
    expect(box(cards.nth(1))).to_have_value("typed in one")
    cards.nth(1).get_by_role("button", name="Reply").click()
    assert agent.answer() == "typed in one"
    for number in (0, 1):
        expect(cards.nth(number)).to_contain_text("replied")
