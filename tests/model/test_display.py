"""What a message or a table shows in a cell and in a terminal."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timezone
from html.parser import HTMLParser
from typing import Any

import pytest
from any_message import messages
from hypothesis import given
from IPython.lib.pretty import pretty

from ipymultichat.contents import text_from
from ipymultichat.model import (
    ImageContent,
    Message,
    MessageKind,
    MessageStatus,
    Option,
    Question,
    Reply,
    TextContent,
)
from ipymultichat.model.display import Table

NOW = datetime.now(timezone.utc)
EVIL = "<script>alert(1)</script><img src=x onerror=y>\x1b[2J\u202egnp.exe\x00"


def question(**changes: Any) -> Message:
    values = {"text": "Deploy **now**?", "agent_name": "claude", "status": MessageStatus.PENDING, **changes}
    return Message(
        id="m", kind=MessageKind.QUESTION, server_id="s", server_name="Work", request_id="r", created_at=NOW, **values
    )


class Reader(HTMLParser):
    """Tags, attributes and text of a piece of HTML."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def columns(line: str) -> int:
    return sum(1 + (unicodedata.east_asian_width(char) in "WF") for char in line if not unicodedata.combining(char))


@given(messages)
def test_whatever_a_message_holds_its_card_is_plain_html_and_its_lines_fit(message: Message) -> None:
    reader = Reader(message._repr_html_())
    assert reader.tags <= {"div", "span", "b", "bdi"}
    assert reader.attributes <= {"style", "dir", "title"}
    assert reader.open == []
    assert len(repr(message)) <= 120
    shown = [repr(message), *pretty(message, max_width=60).split("\n")]
    for line in (*shown[1:], *"".join(reader.words).split("\n"), shown[0]):
        assert not any(unicodedata.category(char) in ("Cc", "Cs") for char in line)
    assert max(map(columns, shown[1:])) <= 60


def test_hidden_and_dangerous_text_stands_there_written_out() -> None:
    message = question(text=EVIL, agent_name=EVIL, error=EVIL, reply=Reply((TextContent(EVIL),), EVIL, NOW, mine=False))
    words = "".join(Reader(message._repr_html_()).words)
    assert words.count("<script>alert(1)</script><img src=x onerror=y>⟦U+001B⟧[2J⟦U+202E⟧gnp.exe⟦U+0000⟧") == 5
    assert repr(question(text="\x1b[2J\u202e")).endswith("pending: ⟦U+001B⟧[2J⟦U+202E⟧>")


def test_a_card_and_its_text_say_all_that_a_person_reads() -> None:
    options = (Question("Which?", options=(Option("blue", "the new one"), Option("green"))),)
    picture = ImageContent(b"12345", "image/png")
    reply = Reply((TextContent("blue"), picture), "me", NOW, mine=True)
    message = question(
        options=options, reply=reply, rule="auto", status=MessageStatus.REPLIED, project_directory="/p/api"
    )
    words = ["Work", "claude", "/p/api", "replied", "Deploy **now**?", "Which?", "○ blue: the new one", "○ green"]
    words += ["the rule auto", "blue", "[image/png · 5 bytes]"]
    card, lines = "".join(Reader(message._repr_html_()).words), pretty(message, max_width=79)
    assert [word for word in words if word not in card or word not in lines] == []
    assert repr(message) == "<Question from claude on Work, replied: Deploy **now**?>"


def test_an_answer_that_is_not_there_yet_is_no_answer() -> None:
    draft = (TextContent("yes"),)
    assert "on its way: yes" in pretty(question(status=MessageStatus.SENDING, draft=draft))
    assert "not delivered: yes" in pretty(question(status=MessageStatus.FAILED, draft=draft))


def test_a_picture_in_the_text_of_a_question_is_a_word_where_only_text_can_be_shown() -> None:
    message = question(text=text_from(("Is this right?", b"\x89PNG\r\n\x1a\n" * 10_000, "I doubt it.")))
    assert "Is this right?\n\n![picture](picture)\n\nI doubt it." in "".join(Reader(message._repr_html_()).words)
    assert "![picture](picture)" in pretty(message)


def test_a_very_long_text_is_cut_and_says_so() -> None:
    card = question(text="x" * 10_000)._repr_html_()
    assert len(card) < 8_000
    assert "(6,000 more characters, see .text)" in card


@pytest.mark.parametrize("width", [40, 79, 120])
def test_a_table_fits_its_terminal_whatever_its_cells_hold(width: int) -> None:
    rows = [("ada@Work", EVIL, "x" * 500), ("张伟@家", "\u0301e", "a\nb")]
    table = Table(("person", "state", "text"), rows, total=5, newest=True, empty="nobody")
    lines = table.text(width).split("\n")
    assert lines[0] == "… 3 earlier"
    assert max(map(columns, lines)) <= width
    reader = Reader(table.html())
    assert reader.tags == {"div", "table", "tr", "th", "td"}
    assert (reader.open, "".join(reader.words).startswith("… 3 earlier")) == ([], True)


def test_a_table_without_rows_says_so() -> None:
    table = Table(("person",), [], total=0, empty="nobody else is online")
    assert (table.text(), "".join(Reader(table.html()).words)) == ("nobody else is online", "nobody else is online")
