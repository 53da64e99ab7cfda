"""Whoever works elsewhere is called back, for what they asked to be called for."""

import pytest
from lab_page import Notebook, StartAgent
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

# What is shown and played is still shown and played; this only writes it down.
RECORD = """() => {
    window.called = [];
    window.Notification = class extends Notification {
        constructor(title, options) {
            super(title, options);
            window.called.push(`${title}: ${options.body}`);
        }
    };
    const start = OscillatorNode.prototype.start;
    OscillatorNode.prototype.start = function (...when) {
        window.called.push("sound");
        start.apply(this, when);
    };
}"""


def test_who_is_not_in_front_is_called_for_what_they_chose_and_once_more_before_it_expires(
    notebook: Notebook, ask: StartAgent
) -> None:
    page = notebook.page
    page.context.grant_permissions(["notifications"])
    page.evaluate(RECORD)
    page.get_by_role("button", name="Settings", exact=True).click()
    dialog = page.get_by_role("dialog", name="Settings")
    for label in ("Notification: questions", "Sound: reports"):
        expect(dialog.get_by_label(label)).not_to_be_checked()
        dialog.get_by_label(label).check()
    page.keyboard.press("Escape")
    ask("Work", "In front?", "--agent", "claude")
    expect(notebook.card("Question from claude on Work", "In front?")).to_be_visible()
    assert page.evaluate("called") == []
    page.evaluate("document.hasFocus = () => false")  # a driven page always thinks that it has the focus
    ask("Home", "All done.", "--report", "--agent", "claude")
    expect(notebook.card("Report from claude on Home", "All done.")).to_be_visible()
    assert page.evaluate("called") == ["sound"]
    ask("Home", "Behind?", "--agent", "claude", "--timeout", "64")
    expect(notebook.card("Question from claude on Home", "Behind?")).to_be_visible()
    assert page.evaluate("called") == ["sound", "Question from claude on Home: Behind?"]
    page.wait_for_function("called.length > 2")
    assert page.evaluate("called")[2] == "Question from claude on Home: Expires in a minute"
