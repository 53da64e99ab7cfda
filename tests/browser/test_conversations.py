"""Conversations with people: what is unread in each, those who have left, names and texts from right to left."""

import re

import pytest
from lab_page import TOKEN
from playwright.sync_api import expect

from ipymultichat.hub import Hub

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

HEBREW = "דנה"
ARABIC = "مرحبا، هل انتهى build 142 من العمل؟"


@pytest.fixture
def person(servers):
    """Makes people who are online on a server, and lets them go."""
    made = []

    def join(nickname, server):
        made.append(Hub(":memory:", servers=[servers[server].url], token=TOKEN, nickname=nickname, io="thread"))
        made[-1].start()
        return made[-1]

    yield join
    for hub in made:
        hub.close()


@pytest.fixture
def elsewhere(notebook):
    """The list shows what is pending only: nothing that comes in is in view."""
    button = notebook.page.get_by_role("button", name="Pending only")
    button.click()
    yield button
    if button.get_attribute("aria-pressed") == "true":
        button.click()


def listed(notebook, name, where="Online users"):
    return notebook.page.get_by_role("list", name=where).get_by_role("button", name=name, exact=True)


def write(notebook, hub, text):
    """Write to the person at the notebook, once they are seen to be there."""
    for _ in range(100):
        me = next((user for user in hub.users if user.nickname == "me"), None)
        if me:
            hub.send(me, text)
            return
        notebook.page.wait_for_timeout(100)
    raise AssertionError("the person at the notebook is not there")


def test_each_conversation_counts_what_is_unread_until_it_has_been_in_view(notebook, person, elsewhere):
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


def test_a_conversation_with_somebody_who_left_can_be_read_later(notebook, person, elsewhere):
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


def test_a_text_from_right_to_left_turns_itself_around_and_nothing_beside_it(notebook, person):
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
