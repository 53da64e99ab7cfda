"""A kernel that computes: with `io="thread"` the inbox does not notice; with `io="kernel"` it recovers."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab_page import Notebook, OpenNotebook, StartAgent, document
from playwright.sync_api import expect

from ipymultichat.cli.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


Busy = Callable[[str], tuple[Notebook, Path]]


@pytest.fixture
def busy(lab: Lab, open_notebook: OpenNotebook) -> Iterator[Busy]:
    """A notebook whose second cell computes until a file appears."""
    go_on = lab.notebooks / "go-on"
    go_on.unlink(missing_ok=True)
    wait = (
        "import os, sys, time\n"
        "print('computing', file=sys.stderr)\n"  # an output of its own
        f"while not os.path.exists({str(go_on)!r}):\n    time.sleep(0.05)\n"
        "print('computed')"
    )

    def start(io: str) -> tuple[Notebook, Path]:
        inbox = f"from ipymultichat import MultiChat\nchat = MultiChat(profile='default', io={io!r})\nchat"
        path = lab.notebooks / f"busy-{io}.ipynb"
        path.write_text(document(inbox, wait))
        notebook = open_notebook(path)
        notebook.run()
        notebook.page.keyboard.press("Shift+Enter")
        # Not what the status bar says: the end of whatever else was asked of the kernel makes it say `Idle` again.
        expect(notebook.page.get_by_text("computing", exact=True)).to_be_visible()
        return notebook, go_on

    yield start
    go_on.touch()


def test_on_a_thread_a_question_is_shown_and_answered_while_a_cell_computes(busy: Busy, ask: StartAgent) -> None:
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


def test_on_the_kernels_loop_a_question_is_shown_and_answered_after_the_cell(busy: Busy, ask: StartAgent) -> None:
    notebook, go_on = busy("kernel")
    agent = ask("Work", "Are you there?", "--agent", "claude")
    notebook.page.wait_for_timeout(1000)
    assert agent.waits()
    go_on.touch()
    card = notebook.card("Question from claude on Work", "Are you there?")
    card.get_by_role("textbox", name="Your answer").fill("yes")
    card.get_by_role("button", name="Reply").click()
    assert agent.answer() == "yes"
