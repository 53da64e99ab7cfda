"""Several views of one inbox: two tabs on one kernel, a reload, a notebook without a kernel."""

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_two_tabs_on_one_kernel_show_the_same_and_keep_their_own_drafts(notebook, open_notebook, ask):
    here = notebook
    there = open_notebook(notebook.path)
    agent = ask("Work", "In both tabs?", "--agent", "claude")
    here.badge("2 of 2").wait_for()
    there.badge("2 of 2").wait_for(timeout=30_000)
    cards = [tab.card("Question from claude on Work", "In both tabs?") for tab in (here, there)]
    boxes = [card.get_by_role("textbox", name="Your answer") for card in cards]
    boxes[0].fill("from here")
    boxes[1].fill("from there")
    expect(boxes[0]).to_have_value("from here")
    cards[1].get_by_role("button", name="Reply").click()
    assert agent.answer() == "from there"
    for card in cards:
        expect(card).to_contain_text("replied")
    for tab in (here, there):
        expect(tab.page.get_by_title("Pending only")).to_contain_text("0")
