"""Thirty questions waiting on six servers: the most urgent found and answered, many answered at once, by keys alone."""

import re
from collections.abc import Iterator

import pytest
from axe_page import findings
from lab_page import Notebook, OpenNotebook, document
from offices import Offices, offices
from playwright.sync_api import Page, expect

from ipymultichat.cli.lab import Lab
from ipymultichat.server import LocalServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

CUT_OFF = """root => [...root.querySelectorAll(".imc-header button, .imc-line *, .imc-selection button")]
    .filter(item => item.offsetParent && !item.closest(".imc-sr"))
    .filter(item => item.getBoundingClientRect().right > root.getBoundingClientRect().right + 1)
    .map(item => item.outerHTML.slice(0, 120))"""

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
    pending = page.get_by_role("button", name="Pending only")
    questions = []
    for n in range(13):
        questions.append(
            team.ask(NAMES[n % 6], f"Question {n}?", agent=f"agent {n % 4}", project=f"/srv/project {n % 3}")
        )
        # Who asks later has to be answered later: the order of the queue.
        expect(pending).to_have_text(re.compile(rf"Pending {n + 1} "))
    reports = [team.ask(NAMES[n % 6], f"Report {n}.", agent="cursor", report=True) for n in range(20)]
    urgent = team.ask("Lab", "Now or never?", agent="pilot", timeout=59)
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
    for width in (280, 600, 1200):
        inbox.root().evaluate("(root, width) => { root.style.inlineSize = width }", f"{width}px")
        assert inbox.root().evaluate(CUT_OFF) == [], width
    inbox.root().evaluate("root => { root.style.inlineSize = '' }")
    lines = page.get_by_role("article", name=re.compile("^Report from cursor"))
    lines.first.get_by_role("checkbox", name="Select").check()
    lines.last.get_by_role("checkbox", name="Select").click(modifiers=["Shift"])
    page.get_by_role("button", name="Answer selected").click()
    dialog = page.get_by_role("dialog", name="Answer selected")
    expect(dialog.get_by_role("listitem")).to_have_count(20)
    assert findings(inbox) == []
    assert not any(report.done() for report in reports)
    dialog.get_by_role("button", name="Confirm").click()
    assert {report.result(20) for report in reports} == {"Confirmed."}
    expect(lines.filter(has_text="confirmed")).to_have_count(20)
    expect(pending).to_have_text(re.compile("Pending 12"))


FOCUS = (
    "() => document.activeElement.closest('.imc-root')?.getAttribute('aria-label') ?? document.activeElement.tagName"
)


def dialogs_keep_the_focus(page: Page) -> None:
    """What is added, edited or deleted gives the focus back; what the browser refuses is not ticked."""
    # Escape leaves a field, then the dialog; what is added, edited or deleted gives the focus back.
    page.get_by_role("button", name="6 of 6 servers connected").click()
    popup = page.get_by_role("dialog", name="Server connections")
    popup.get_by_role("button", name="Edit Work").click()
    assert page.evaluate(FOCUS) == "MultiChat"
    popup.get_by_label("Name (optional)").fill("Office")
    page.keyboard.press("Escape")
    expect(popup.get_by_label("Name (optional)")).to_have_value("Office")
    popup.get_by_role("button", name="Cancel").click()
    assert page.evaluate(FOCUS) == "MultiChat"
    popup.get_by_role("button", name="Delete Work").click()
    popup.get_by_role("button", name="Cancel").click()
    assert page.evaluate(FOCUS) == "MultiChat"
    page.keyboard.press("Escape")
    expect(popup).to_have_count(0)

    # A notification that the browser refuses is not ticked, and there is a remedy.
    page.get_by_role("button", name="Settings", exact=True).click()
    dialog = page.get_by_role("dialog", name="Settings")
    page.evaluate("Notification.requestPermission = async () => 'denied'")
    dialog.get_by_label("Notification: questions").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Allow them in its site settings")
    expect(dialog.get_by_label("Notification: questions")).not_to_be_checked()
    page.keyboard.press("Escape")


def test_no_click_and_no_key_leaves_the_widget_and_nothing_typed_is_lost(inbox: Notebook, team: Offices) -> None:
    page = inbox.page
    plain = team.ask("Work", "Ship it?", agent="shipper")
    card = inbox.card("Question from shipper on Work", "Ship it?")
    box = card.get_by_role("textbox", name="Your answer")

    # A quick answer adds to what is typed, and can be undone.
    box.press_sequentially("After lunch.")
    card.get_by_role("button", name="Yes", exact=True).click()
    expect(box).to_have_value("After lunch. Yes")
    box.press("Control+z")
    expect(box).to_have_value("After lunch.")

    # A click on a blank part leaves no notebook shortcut live.
    cells = page.locator(".jp-Cell").count()
    for blank in (".imc-header", ".imc-users", ".imc-composer"):
        page.locator(blank).click(position={"x": 3, "y": 3})
        assert page.evaluate(FOCUS) == "MultiChat", blank
        page.keyboard.type("ddaab")
    assert page.locator(".jp-Cell").count() == cells
    box.press("Control+Enter")
    assert plain.result(20) == "After lunch."
    assert page.evaluate(FOCUS) == "MultiChat"

    # Structured: Ctrl+Enter on a radio; what is left out is named first; the answered card still has all of it.
    def choice(header: str, *labels: str) -> dict[str, object]:
        options = [{"label": label, "description": f"about {label}"} for label in labels]
        return {"question": f"Which {header.lower()}?", "header": header, "options": options}

    chosen = team.ask(
        "Home",
        "Two things.",
        agent="exporter",
        questions=[choice("Format", "Parquet", "CSV"), choice("Place", "Disk", "Cloud")],
    )
    card = inbox.card("Question from exporter on Home", "Which format?")
    card.get_by_role("radio", name="Parquet").check()
    card.get_by_role("button", name="Reply").click()
    expect(card.get_by_role("alert")).to_contain_text("Without an answer: Place")
    assert not chosen.done()
    card.get_by_role("radio", name="Cloud").check()
    expect(card.get_by_role("alert")).to_have_count(0)
    page.keyboard.press("Control+Enter")
    assert chosen.result(20) == "Q: Format\nA: Parquet\n\nQ: Place\nA: Cloud"
    expect(card).to_contain_text("✓ Parquet")
    expect(card).to_contain_text("Which place?")
    assert page.evaluate(FOCUS) == "MultiChat"
    card.get_by_role("button", name="Show the options").click()
    expect(card).to_contain_text("about Disk")
    card.get_by_role("button", name="Show source").click()
    expect(card).to_contain_text("Two things.")
    dialogs_keep_the_focus(page)

    # Nothing waits: that is said as what it is.
    page.get_by_role("button", name="Pending only").click()
    expect(page.get_by_role("log", name="Messages")).to_contain_text("All done")


HUE = "card => getComputedStyle(card).borderInlineStartColor"


def the_ends_are_reached(page: Page) -> None:
    """By keys and by the button, in a list of which most has to be fetched first."""
    log = page.get_by_role("log", name="Messages")
    page.get_by_role("button", name="Jump to latest").or_(log).first.wait_for()
    log.focus()
    page.keyboard.press("Home")
    expect(page.get_by_text("number 0", exact=True)).to_be_in_viewport()
    latest = page.get_by_role("button", name="Jump to latest")
    latest.click()
    expect(page.get_by_role("article").last).to_be_in_viewport()
    expect(latest).to_have_count(0)
    log.focus()
    page.keyboard.press("Home")
    expect(page.get_by_text("number 0", exact=True)).to_be_in_viewport()
    page.keyboard.press("End")
    expect(latest).to_have_count(0)


def test_long_texts_wide_tables_and_many_messages_are_read_without_jumps(inbox: Notebook, team: Offices) -> None:
    page = inbox.page
    log = page.get_by_role("log", name="Messages")
    for name in NAMES:
        team.ask(name, "Which colour?", agent="painter")
    cards = page.get_by_role("article", name="Question from painter on")
    expect(cards).to_have_count(6)
    assert len({cards.nth(n).evaluate(HUE) for n in range(6)}) == 6
    # What is typed for one of them must not go to a colleague.
    expect(page.get_by_role("combobox", name="To", exact=True).locator("option:checked")).to_have_text("To…")

    team.ask("Work", "\n".join(f"line {n}  " for n in range(1_000)), agent="writer")
    card = inbox.card("Question from writer on Work", "line 1")
    more = card.get_by_role("button", name="Show more (1,000 lines)")
    expect(more).to_be_in_viewport()
    inbox.settle()
    top = card.locator(".imc-body").evaluate("body => body.getBoundingClientRect().top")
    more.click()
    less = card.get_by_role("button", name="Show less")
    expect(less).to_be_in_viewport()
    inbox.settle()
    assert abs(card.locator(".imc-body").evaluate("body => body.getBoundingClientRect().top") - top) < 2
    less.click()
    expect(card).to_be_in_viewport()

    page.get_by_role("searchbox", name="Search messages").fill("COLOUR")
    expect(page.get_by_role("status").filter(has_text="6 found")).to_be_visible()
    expect(cards.first.locator("mark")).to_have_text("colour")
    page.get_by_role("searchbox", name="Search messages").fill("")

    columns = 24
    rows = ["|".join(f" name {n} " for n in range(columns)), "|".join(["---"] * columns), "|".join(["value"] * columns)]
    team.ask("Home", "\n".join(f"|{row}|" for row in rows), agent="tabler")
    table = inbox.card("Question from tabler on Home", "name 3").get_by_role("table")
    assert table.locator("td").first.evaluate("cell => cell.clientHeight") < 40
    assert table.evaluate("table => table.parentElement.scrollWidth > table.parentElement.clientWidth")
    assert log.evaluate("log => log.scrollWidth <= log.clientWidth")

    # What shows formulas comes from the kernel, and only now.
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    team.ask("Lab", "Is $e^{i\\pi} = -1$ right, for $5?\n\n```mermaid\ngraph TD\n```", agent="euler")
    formula = inbox.card("Question from euler on Lab", "right, for $5?")
    expect(formula.locator("math")).to_have_count(1)
    expect(formula.locator("msup").first).to_be_visible()
    assert [url for url in asked if not url.startswith(("http://127.0.0.1", "http://localhost", "blob:"))] == []

    inbox.run_below(
        "from datetime import datetime, timedelta, timezone\n"
        "from ipymultichat.model import Message, MessageKind, MessageStatus\n"
        "for n in range(600):\n"
        "    at = datetime.now(timezone.utc) - timedelta(days=2, seconds=600 - n)\n"
        "    old = Message(f'old {n}', MessageKind.CHAT, 's', 'S', '', f'number {n}', at, MessageStatus.RECEIVED,\n"
        "                  sender='ada')\n"
        "    chat._hub.inbox.add(old, received_at=at)\n"
    )
    the_ends_are_reached(page)
