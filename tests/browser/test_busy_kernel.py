"""A kernel that computes: with `io="thread"` the inbox does not notice; with `io="kernel"` it recovers."""

import json

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def code_cell(key, source):
    return {"cell_type": "code", "id": key, "metadata": {}, "source": source, "outputs": [], "execution_count": None}


@pytest.fixture
def busy(lab, open_notebook):
    """A notebook whose second cell computes until a file appears."""
    go_on = lab.notebooks / "go-on"
    go_on.unlink(missing_ok=True)
    wait = f"import os, time\nwhile not os.path.exists({str(go_on)!r}):\n    time.sleep(0.05)\nprint('computed')"

    def start(io):
        cells = [
            code_cell(
                "inbox", f"from ipymultichat import MultiChat\nchat = MultiChat(profile='default', io={io!r})\nchat"
            ),
            code_cell("busy", wait),
        ]
        document = {
            "cells": cells,
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}},
        }
        path = lab.notebooks / f"busy-{io}.ipynb"
        path.write_text(json.dumps({**document, "nbformat": 4, "nbformat_minor": 5}))
        notebook = open_notebook(path)
        notebook.run()
        notebook.page.keyboard.press("Shift+Enter")
        expect(notebook.page.get_by_text("Python 3 (ipykernel) | Busy")).to_be_visible()
        return notebook, go_on

    yield start
    go_on.touch()


def test_on_a_thread_a_question_is_shown_and_answered_while_a_cell_computes(busy, ask):
    notebook, go_on = busy("thread")
    agent = ask("Work", "While it computes?", "--agent", "claude")
    card = notebook.card("Question from claude on Work", "While it computes?")
    expect(card).to_be_visible()
    card.get_by_role("textbox", name="Your answer").fill("yes")
    card.get_by_role("button", name="Reply").click()
    assert agent.answer() == "yes"
    expect(notebook.page.get_by_text("computed", exact=True)).to_be_hidden()
    go_on.touch()
    expect(notebook.page.get_by_text("computed", exact=True)).to_be_visible()


def test_on_the_kernels_loop_a_question_is_shown_and_answered_after_the_cell(busy, ask):
    notebook, go_on = busy("kernel")
    agent = ask("Work", "Are you there?", "--agent", "claude")
    notebook.page.wait_for_timeout(1000)
    assert agent.waits()
    go_on.touch()
    card = notebook.card("Question from claude on Work", "Are you there?")
    card.get_by_role("textbox", name="Your answer").fill("yes")
    card.get_by_role("button", name="Reply").click()
    assert agent.answer() == "yes"
