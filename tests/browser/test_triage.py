"""Thirty questions waiting on six servers: the most urgent found and answered, many answered at once, by keys alone."""

import re
from collections.abc import Iterator

import pytest
from lab_page import Notebook, OpenNotebook, document
from offices import Offices, offices
from playwright.sync_api import expect

from ipymultichat.cli.lab import Lab
from ipymultichat.server import LocalServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

NAMES = ("Work", "Home", "Lab", "Ops", "Data", "Web")


@pytest.fixture(scope="module")
def team() -> Iterator[Offices]:
    with offices(*NAMES) as made:
        yield made


@pytest.fixture(scope="module")
def servers(team: Offices) -> dict[str, LocalServer]:
    return dict(team.servers)


@pytest.fixture
def inbox(lab: Lab, open_notebook: OpenNotebook, team: Offices) -> Iterator[Notebook]:
    """The widget in a notebook, with all six servers."""
    path = lab.notebooks / "triage.ipynb"
    path.write_text(document("from ipymultichat import MultiChat\nchat = MultiChat()\nchat"))
    notebook = open_notebook(path)
    notebook.run(len(NAMES))
    yield notebook
    team.forget()


def test_of_thirty_four_that_wait_the_most_urgent_is_answered_in_four_keys_and_twenty_are_confirmed_at_once(
    inbox: Notebook, team: Offices
) -> None:
    page = inbox.page
    questions = [
        team.ask(NAMES[n % 6], f"Question {n}?", agent=f"agent {n % 4}", project=f"/srv/project {n % 3}")
        for n in range(13)
    ]
    reports = [team.ask(NAMES[n % 6], f"Report {n}.", agent="cursor", report=True) for n in range(20)]
    urgent = team.ask("Lab", "Now or never?", agent="pilot", timeout=59)
    pending = page.get_by_role("button", name="Pending only")
    expect(pending).to_have_text(re.compile(r"Pending 34 · next 0:\d\d"))

    page.get_by_role("searchbox", name="Search messages").focus()
    page.keyboard.press("Alt+ArrowDown")
    card = page.get_by_role("article", name="Question from pilot on Lab")
    expect(card.get_by_role("textbox", name="Your answer")).to_be_focused()
    page.keyboard.type("now")
    page.keyboard.press("Control+Enter")
    assert urgent.result(20) == "now"
    expect(card).to_contain_text("replied")

    pending.click()
    articles = page.get_by_role("article")
    expect(articles).to_have_count(33)
    log = page.get_by_role("log", name="Messages")
    heights = log.evaluate("log => [...log.querySelectorAll('.imc-line')].map(line => line.offsetHeight)")
    assert max(heights) <= 34
    first = articles.first
    expect(first.get_by_role("textbox", name="Your answer")).to_be_visible()
    page.get_by_role("button", name="Next pending").click()
    expect(first.get_by_role("textbox", name="Your answer")).to_be_focused()
    page.keyboard.type("yes")
    page.keyboard.press("Control+Enter")
    assert questions[0].result(20) == "yes"
    following = page.get_by_role("article", name="Question from agent 1 on Home").first
    expect(following.get_by_role("textbox", name="Your answer")).to_be_focused()

    tallies = page.get_by_role("group", name="Waiting, by server and project")
    expect(tallies.get_by_role("button", name=re.compile("^Work"))).to_be_visible()
    lines = page.get_by_role("article", name=re.compile("^Report from cursor"))
    lines.first.get_by_role("checkbox", name="Select").check()
    lines.last.get_by_role("checkbox", name="Select").click(modifiers=["Shift"])
    page.get_by_role("button", name="Answer selected").click()
    dialog = page.get_by_role("dialog", name="Answer selected")
    expect(dialog.get_by_role("listitem")).to_have_count(20)
    assert not any(report.done() for report in reports)
    dialog.get_by_role("button", name="Confirm").click()
    assert {report.result(20) for report in reports} == {"Confirmed."}
    expect(lines.filter(has_text="confirmed")).to_have_count(20)
    expect(pending).to_have_text(re.compile("Pending 12"))
