"""Several views of one inbox: two tabs on one kernel, a reload, a notebook without a kernel."""

import json

import pytest
from lab_page import Notebook, OpenNotebook, StartAgent
from playwright.sync_api import Browser, expect

from ipymultichat.cli.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_two_tabs_on_one_kernel_show_the_same_and_keep_their_own_drafts(
    notebook: Notebook, open_notebook: OpenNotebook, ask: StartAgent
) -> None:
    here = notebook
    here.save()
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


def test_a_notebook_opened_without_a_kernel_shows_a_quiet_line_and_holds_no_conversation(
    notebook: Notebook, ask: StartAgent, lab: Lab, chromium: Browser
) -> None:
    ask("Work", "Is this kept in the file?", "--agent", "claude")
    expect(notebook.card("Question from claude on Work", "Is this kept in the file?")).to_be_visible()
    document = json.loads(notebook.save())
    document["metadata"] = {}  # so that JupyterLab asks which kernel to start, if any
    (lab.notebooks / "asleep.ipynb").write_text(json.dumps(document))
    page = chromium.new_page(viewport={"width": 1200, "height": 1000}, locale="en-US")
    page.goto(f"{lab.address_of('asleep.ipynb')}&reset")
    page.get_by_role("dialog").get_by_role("button", name="No Kernel").click(timeout=60_000)
    expect(page.locator(".jp-OutputArea").first).to_contain_text("MultiChat: run this cell to open the inbox")
    expect(page.get_by_text("Is this kept in the file?")).to_have_count(0)
    page.close()
