"""Conversations with people: what is unread in each, those who have left, names and texts from right to left."""

import re
from collections.abc import Iterator

import pytest
from lab_page import Join, Notebook
from playwright.sync_api import Locator, expect

from ipymultichat.hub import Chat

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

HEBREW = "דנה"
ARABIC = "مرحبا، هل انتهى build 142 من العمل؟"


@pytest.fixture
def elsewhere(notebook: Notebook) -> Iterator[Locator]:
    """The list shows what is pending only: nothing that comes in is in view."""
    button = notebook.page.get_by_role("button", name="Pending only")
    button.click()
    yield button
    if button.get_attribute("aria-pressed") == "true":
        button.click()


def listed(notebook: Notebook, name: str, where: str = "Online users") -> Locator:
    return notebook.page.get_by_role("list", name=where).get_by_role("button", name=name, exact=True)


def write(notebook: Notebook, hub: Chat, text: str) -> None:
    """Write to the person at the notebook, once they are seen to be there."""
    for _ in range(100):
        me = next((user for user in hub.users if user.nickname == "me"), None)
        if me:
            hub.send(me, text)
            return
        notebook.page.wait_for_timeout(100)
    raise AssertionError("the person at the notebook is not there")


def test_each_conversation_counts_what_is_unread_until_it_has_been_in_view(
    notebook: Notebook, person: Join, elsewhere: Locator
) -> None:
    ada, bob = person("ada", "Home"), person("bob", "Work")
    write(notebook, ada, "first")
    write(notebook, ada, "second")
    write(notebook, bob, "other")
    expect(listed(notebook, "ada@Home")).to_have_accessible_description("2 unread")
    expect(listed(notebook, "bob@Work")).to_have_accessible_description("1 unread")
    expect(listed(notebook, "ada@Home")).to_contain_text("2")
    listed(notebook, "ada@Home").click()
    expect(notebook.page.get_by_role("article", name="Chat with ada@Home")).to_have_count(2)
    expect(listed(notebook, "ada@Home")).to_have_accessible_description("")
    expect(listed(notebook, "bob@Work")).to_have_accessible_description("1 unread")
    write(notebook, ada, "third, while it is open")
    expect(notebook.card("Chat with ada@Home", "third")).to_be_visible()
    expect(listed(notebook, "ada@Home")).to_have_accessible_description("")
    notebook.page.get_by_role("button", name="All messages").click()
    expect(listed(notebook, "bob@Work")).to_have_accessible_description("")


def test_a_conversation_with_somebody_who_left_can_be_read_later(
    notebook: Notebook, person: Join, elsewhere: Locator
) -> None:
    carol = person("carol", "Home")
    write(notebook, carol, "you will find the file in /tmp")
    expect(listed(notebook, "carol@Home")).to_have_accessible_description("1 unread")
    carol.close()
    gone = listed(notebook, "carol@Home", "Earlier conversations")
    expect(gone).to_have_accessible_description("1 unread, gone")
    expect(gone).to_contain_text("gone")
    expect(listed(notebook, "carol@Home")).to_have_count(0)
    gone.click()
    expect(notebook.page.get_by_role("heading", name="carol@Home")).to_be_visible()
    expect(notebook.card("Chat with carol@Home", "/tmp")).to_be_visible()
    expect(gone).to_have_accessible_description("gone")
    person("carol", "Home")
    expect(listed(notebook, "carol@Home")).to_be_visible()
    expect(gone).to_have_count(0)
    expect(notebook.card("Chat with carol@Home", "/tmp")).to_be_visible()


def test_a_text_from_right_to_left_turns_itself_around_and_nothing_beside_it(notebook: Notebook, person: Join) -> None:
    page = notebook.page
    dana = person(HEBREW, "Home")
    write(notebook, dana, f"{ARABIC}\n\n- שלום\n\nplain `ls -l` words\n\n```sh\nls -l | wc\n```")
    card = notebook.card(f"Chat with {HEBREW}@Home", "build 142")
    expect(card).to_be_visible()
    places = card.evaluate(
        """card => {
            const of = element => {
                const range = document.createRange();
                range.selectNodeContents(element);
                const own = range.getBoundingClientRect();
                return { left: own.left, right: own.right };
            };
            const find = text => [...card.querySelectorAll(".imc-body p")].find(p => p.textContent.includes(text));
            return {
                body: card.querySelector(".imc-body").getBoundingClientRect().toJSON(),
                arabic: of(find("build 142")),
                english: of(find("plain")),
                code: of(card.querySelector("pre code")),
                block: card.querySelector("pre").getBoundingClientRect().toJSON(),
                head: [...card.querySelectorAll(".imc-tag, .imc-kind, .imc-who, time")].map(item => of(item).left),
            };
        }"""
    )
    body = places["body"]
    assert abs(places["arabic"]["right"] - body["right"]) < 2 < places["arabic"]["left"] - body["left"]
    assert abs(places["english"]["left"] - body["left"]) < 2 < body["right"] - places["english"]["right"]
    assert places["code"]["left"] - places["block"]["left"] < 20
    assert places["head"] == sorted(places["head"])
    who = card.get_by_role("button", name=re.compile("→"))
    names = who.evaluate("who => [...who.querySelectorAll('bdi')].map(name => name.getBoundingClientRect().left)")
    assert names == sorted(names)
    listed(notebook, f"{HEBREW}@Home").click()
    expect(page.get_by_role("heading", name=f"{HEBREW}@Home")).to_be_visible()
    box = page.get_by_role("textbox", name="Message", exact=True)
    box.fill(ARABIC)
    assert box.evaluate("box => getComputedStyle(box).direction") == "rtl"
    box.fill("left to right")
    assert box.evaluate("box => getComputedStyle(box).direction") == "ltr"
    box.fill("")


def test_a_draft_stays_with_its_recipient_over_a_reload_whoever_comes_and_goes(
    notebook: Notebook, person: Join
) -> None:
    page = notebook.page
    to = page.get_by_role("combobox", name="To", exact=True)
    recipient = to.locator("option:checked")
    box = page.get_by_role("textbox", name="Message", exact=True)
    send = page.get_by_role("button", name="Send", exact=True)
    erin = person("erin", "Home")
    expect(page.get_by_role("list", name="Online users").get_by_role("button")).to_have_count(1)
    expect(recipient).to_have_text("erin@Home")
    box.fill("between us")
    erin.close()
    person("frank", "Home")
    expect(listed(notebook, "erin@Home")).to_have_count(0)
    expect(listed(notebook, "frank@Home")).to_be_visible()
    expect(recipient).to_have_text("erin@Home (gone)")
    expect(box).to_have_value("between us")
    expect(page.get_by_role("alert")).to_contain_text("erin@Home has left")
    expect(send).to_be_disabled()
    to.select_option(label="frank@Home")
    expect(box).to_have_value("")
    box.fill("for frank")
    notebook.save()
    notebook.open()
    expect(box).to_have_value("for frank", timeout=30_000)
    expect(recipient).to_have_text("frank@Home")
    to.select_option(label="erin@Home (gone)")
    expect(box).to_have_value("between us")
    person("erin", "Home")
    expect(recipient).to_have_text("erin@Home")
    send.click()
    expect(notebook.card("Chat with erin@Home", "between us")).to_contain_text("sent")
    expect(box).to_have_value("")
    to.select_option(label="frank@Home")
    expect(box).to_have_value("for frank")


def test_a_message_that_did_not_arrive_is_put_away(notebook: Notebook, person: Join) -> None:
    gina = person("gina", "Home")
    write(notebook, gina, "back soon")
    gina.close()
    expect(listed(notebook, "gina@Home", "Earlier conversations")).to_be_visible()
    notebook.run_below('chat.send("gina@Home", "are you still there?")')
    card = notebook.card("Chat with gina@Home", "are you still there?")
    expect(card.get_by_role("button", name="Retry")).to_be_visible()
    card.get_by_role("button", name="Discard").click()
    expect(card).to_contain_text("cancelled")
    expect(card).to_contain_text("are you still there?")
    for name in ("Retry", "Discard"):
        expect(card.get_by_role("button", name=name)).to_have_count(0)
