"""What the person sees when the kernel computes, and when it is gone."""

import pytest
from lab_page import Notebook, StartAgent
from playwright.sync_api import expect

from ipymultichat.cli.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_an_answer_given_while_a_cell_computes_is_said_to_be_queued_and_goes_out_after_it(
    notebook: Notebook, ask: StartAgent, lab: Lab
) -> None:
    go_on = lab.notebooks / "go-on"
    agent = ask("Work", "While it computes?", "--agent", "claude")
    card = notebook.card("Question from claude on Work", "While it computes?")
    expect(card).to_be_visible()
    notebook.run_below(f"import os, time\nwhile not os.path.exists({str(go_on)!r}): time.sleep(0.05)")
    expect(notebook.page.get_by_text("Python 3 (ipykernel) | Busy")).to_be_visible()
    card.get_by_role("textbox", name="Your answer").fill("queued")
    card.get_by_role("button", name="Reply").click()
    busy = notebook.page.get_by_role("status").filter(has_text="The kernel is busy")
    expect(busy).to_be_visible()
    expect(card).to_contain_text("sending")
    go_on.touch()
    assert agent.answer() == "queued"
    expect(card).to_contain_text("replied")
    expect(busy).to_have_count(0)


def test_without_its_kernel_the_inbox_says_so_and_what_was_typed_can_be_copied(
    notebook: Notebook, ask: StartAgent
) -> None:
    page = notebook.page
    ask("Work", "Before the end?", "--agent", "claude")
    card = notebook.card("Question from claude on Work", "Before the end?")
    box = card.get_by_role("textbox", name="Your answer")
    box.fill("not sent yet")
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.locator(".lm-Menu-item").filter(has_text="Restart Kernel…").first.click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    expect(page.get_by_role("alert").filter(has_text="Run the cell again")).to_be_visible(timeout=30_000)
    expect(box).to_have_value("not sent yet")
    box.select_text()
    assert box.evaluate("box => box.value.slice(box.selectionStart, box.selectionEnd)") == "not sent yet"
    expect(page.get_by_role("button", name="No kernel")).to_be_visible()
    expect(page.get_by_role("timer")).to_have_count(0)
    # A cell run before its kernel is there is not run at all.
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)
    notebook.run()
    expect(card.get_by_role("textbox", name="Your answer")).to_have_value("not sent yet")


def test_an_answer_on_its_way_to_a_kernel_that_is_shut_down_comes_back_to_be_typed_again(
    notebook: Notebook, ask: StartAgent, lab: Lab
) -> None:
    page = notebook.page
    ask("Work", "Into the void?", "--agent", "claude")
    card = notebook.card("Question from claude on Work", "Into the void?")
    expect(card).to_be_visible()
    notebook.run_below("import time; time.sleep(600)")
    expect(page.get_by_text("Python 3 (ipykernel) | Busy")).to_be_visible()
    card.get_by_role("textbox", name="Your answer").fill("kept")
    card.get_by_role("button", name="Reply").click()
    expect(card).to_contain_text("sending")
    page.evaluate("jupyterapp.serviceManager.sessions.shutdownAll()")
    expect(page.get_by_role("alert").filter(has_text="Run the cell again")).to_be_visible(timeout=30_000)
    expect(card.get_by_role("textbox", name="Your answer")).to_have_value("kept")
    expect(page.get_by_role("status").filter(has_text="The kernel is busy")).to_have_count(0)
