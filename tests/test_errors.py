"""What every error says: the bad thing, and the remedy."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, cast

import inboxes
import pytest

from ipymultichat import MultiChat, errors
from ipymultichat.agent import AgentClient
from ipymultichat.hub import Chat
from ipymultichat.model import Message, MessageKind, MessageStatus, OnlineUser, normalize_url
from ipymultichat.session import events as s
from ipymultichat.wire import commands as c
from ipymultichat.wire import decode, encode
from ipymultichat.wire.events import ChatReceived, User

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
MADE: list[Chat] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while MADE:
        MADE.pop().close()


def make_inbox(*servers: object, **options: Any) -> Chat:
    """An inbox that is closed after the test."""
    MADE.append(inboxes.make_inbox(*servers, **options))
    return MADE[-1]


def inbox() -> Chat:
    """Two servers of one name, one message of each sort, two people of one name."""
    chat = make_inbox({"url": "ws://a", "name": "Work", "id": "a"}, {"url": "ws://b", "name": "Home", "id": "b"})
    add = [
        ("waits", MessageKind.QUESTION, MessageStatus.PENDING),
        ("sending", MessageKind.QUESTION, MessageStatus.SENDING),
        ("over", MessageKind.QUESTION, MessageStatus.EXPIRED),
        ("chat", MessageKind.CHAT, MessageStatus.RECEIVED),
        ("sent", MessageKind.CHAT, MessageStatus.SENT),
    ]
    for key, kind, status in add:
        message = Message(key, kind, "a", "Work", key, "text", NOW, status, sender="ada", mine=key == "sent")
        chat._hub.inbox.add(message, received_at=NOW)
    chat._hub.on_event("a", s.UsersListed((User("1", "ada"), User("2", "ada"), User("3", "bob"))))
    chat._hub.on_event("a", s.ChatArrived(ChatReceived("x", "9", "carol", "1", "me", "hi", NOW)))
    return chat


def twins() -> Chat:
    return make_inbox({"url": "ws://a", "name": "X", "id": "a"}, {"url": "ws://b", "name": "X", "id": "b"})


TABLE: list[tuple[Callable[[], Any], type[Exception], str]] = [
    # addresses
    (lambda: normalize_url(5), errors.ConfigError, "a server address is a string such as 'ws://localhost:2000', not 5"),
    (lambda: normalize_url("http://h"), errors.ConfigError,
     "'http://h' is no server address: chat servers speak websocket, write ws://h"),
    (lambda: normalize_url("https://u:p@h"), errors.ConfigError,
     "'https://h' is no server address: chat servers speak websocket, write wss://h"),
    (lambda: normalize_url("h:2000"), errors.ConfigError,
     "'h:2000' is no server address: it must start with ws:// or wss://, like ws://localhost:2000"),
    (lambda: normalize_url("ws://h h"), errors.ConfigError,
     "'ws://h h' is no server address: it holds a blank or a control character; write it like ws://localhost:2000"),
    (lambda: normalize_url("ws://u:p@h"), errors.ConfigError,
     ("'ws://h' is no server address: leave out the user name and password, addresses are shown and saved in the "
      "notebook")),
    (lambda: normalize_url("ws://"), errors.ConfigError,
     "'ws://' is no server address: the host is missing, write it like ws://localhost:2000"),
    (lambda: normalize_url("ws://h:0"), errors.ConfigError,
     "'ws://h:0' is no server address: the port must be a number from 1 to 65535, like ws://localhost:2000"),
    (lambda: normalize_url("ws://h#x"), errors.ConfigError,
     "'ws://h#x' is no server address: leave out everything from '#' on"),
    # what an inbox is made with
    (lambda: make_inbox(servers=5), errors.ConfigError, "servers must be a list of addresses, not 5"),
    (lambda: make_inbox(7), errors.ConfigError,
     "a server is an address such as 'ws://localhost:2000', a dict with 'url', or a ServerConfig, not 7"),
    (lambda: make_inbox({"uri": "x"}), errors.ConfigError,
     "unknown key 'uri' in a server entry; known are id, name, url, enabled, isEnabled, token"),
    (lambda: make_inbox({"name": "x"}), errors.ConfigError,
     "a server entry needs 'url', such as 'ws://localhost:2000'"),
    (lambda: make_inbox({"url": "ws://h", "name": "x" * 65}), errors.ConfigError,
     f"a server's name is at most 64 printable characters, not {'x' * 65!r}"),
    (lambda: make_inbox("ws://h", "ws://h/ws"), errors.ConfigError,
     "'ws://h/ws' is in the server list already (as 'h'); change that entry instead"),
    (lambda: make_inbox(token=""), errors.ConfigError,
     "the token '' is empty; pass token='…', set $MULTICHAT_TOKEN, or leave it out"),
    (lambda: make_inbox(token=5), errors.ConfigError, "a token is a string, not int"),
    (lambda: make_inbox(token="s3cret\n1"), errors.ConfigError, "the token must be 1 to 1024 printable characters"),
    (lambda: make_inbox(nickname=5), errors.ConfigError, "a nickname is a string, not 5"),
    (lambda: make_inbox(nickname=" "), errors.ConfigError, "the nickname ' ' is empty; give 1 to 64 characters"),
    (lambda: make_inbox(nickname="x" * 65), errors.ConfigError,
     f"the nickname {'x' * 20!r}… has 65 characters; at most 64 are allowed"),
    (lambda: make_inbox(nickname="a\x07"), errors.ConfigError,
     "the nickname 'a\\x07' holds a control character; use printable ones"),
    (lambda: make_inbox(io="magic"), errors.ConfigError, "io must be 'kernel' or 'thread', not 'magic'"),
    (lambda: make_inbox(profile="../x"), errors.ConfigError,
     "the profile '../x' cannot be used; a profile is 1 to 64 letters, digits, '-', '_', '.' or blanks, or ':memory:'"),
    (lambda: MultiChat(nicname="x"), errors.UnknownOptionError,
     ("MultiChat() has no option 'nicname'; did you mean 'nickname'? There are: servers, token, nickname, profile, io, "
      "autoconnect")),
    # names
    (lambda: inbox().reconnect("Mars"), errors.UnknownServerError, "no server 'Mars'; there are: 'Work', 'Home'"),
    (lambda: make_inbox().reconnect("Mars"), errors.UnknownServerError,
     "no server 'Mars'; there are: none yet; add one with add_server('ws://…')"),
    (lambda: twins().reconnect("X"), errors.AmbiguousServerError,
     "2 servers are called 'X'; say which by id: a, b"),
    (lambda: inbox().send("eve@Work", "x"), errors.UnknownUserError,
     "nobody called 'eve@Work' is online; online are: ada@Work, ada@Work, bob@Work"),
    (lambda: inbox().send("eve", "x"), errors.UnknownUserError,
     "'eve' names no user; write 'nickname@server', such as ada@Work, ada@Work, bob@Work"),
    (lambda: inbox().send("ada@Mars", "x"), errors.UnknownServerError, "no server 'Mars'; there are: Work, Home"),
    (lambda: inbox().send("ada@Work", "x"), errors.AmbiguousUserError,
     "2 people called 'ada@Work' are online; pass one of chat.users"),
    (lambda: inbox().reply("nothing", "x"), errors.UnknownMessageError, "no message 'nothing' in this inbox"),
    # answering
    (lambda: inbox().reply("waits", ""), errors.ConfigError, "the reply is empty; give a text, a file or an image"),
    (lambda: inbox().reply("waits", {3}), errors.ConfigError,
     ("a set cannot be sent; send str, Path, bytes, a number, a dict or list, a data frame, a figure, an image, or "
     "anything that shows itself in a notebook (_repr_png_, _repr_markdown_, …)")),
    (lambda: inbox().reply("waits", Path("/nothing/here.png")), errors.ConfigError,
     "the file '/nothing/here.png' cannot be read: No such file or directory"),
    (lambda: inbox().reply("waits", "\ud800"), errors.EncodeError,
     "the text cannot be sent, it is not valid Unicode: surrogates not allowed"),
    (lambda: inbox().reply("waits", bytes(20 * 2**20 + 1)), errors.ConfigError,
     "a part has 20,971,521 bytes; at most 20,971,520 can be sent"),
    (lambda: inbox().reply("chat", "x"), errors.NotAnswerableError,
     "a chat message is answered with send(), not reply()"),
    (lambda: inbox().reply("sending", "x"), errors.NotAnswerableError, "an answer to it is on its way already"),
    (lambda: inbox().reply("over", "x"), errors.NotAnswerableError, "it takes no answer any more: it is expired"),
    (lambda: inbox().send(OnlineUser("3", "bob", "a", "Work"), " "), errors.ConfigError,
     "the chat message is empty; give a text"),
    (lambda: inbox().send_again("waits"), errors.NotAnswerableError,
     "only a chat message of your own can be sent again"),
    (lambda: inbox().send_again("sent"), errors.NotAnswerableError, "it needs no other try: it is sent"),
    (lambda: inbox().discard("sending"), errors.NotAnswerableError,
     "what you sent is on its way; it can be put away when it failed"),
    (lambda: inbox().discard("over"), errors.NotAnswerableError, "there is nothing to put away: it is expired"),
    # conditions
    (lambda: inbox().where(kind="mail"), errors.ConfigError, "unknown kind 'mail'; known are question, report, chat"),
    (lambda: inbox().where(status="done"), errors.ConfigError,
     ("unknown status 'done'; known are pending, sending, replied, confirmed, expired, cancelled, sent, received, "
      "failed")),
    (lambda: inbox().where(agent=5), errors.ConfigError, "agent takes text, not 5"),
    (lambda: inbox().where(text=5), errors.ConfigError, "text takes text or a compiled pattern, not 5"),
    (lambda: inbox().where(server=5), errors.ConfigError, "server takes an id, a label or a ServerConfig, not 5"),
    # settings
    (lambda: inbox().set_preferences(colour="red"), errors.ConfigError,
     "there is no setting 'colour'; there are …"),
    (lambda: inbox().set_preferences(prefix=5), errors.ConfigError, "the prefix is a text of at most 2,000 characters"),
    (lambda: inbox().set_preferences(quick="Yes"), errors.ConfigError,
     "quick answers are at most 20 texts of at most 200 characters"),
    (lambda: inbox().set_preferences(snippets=5), errors.ConfigError, "snippets are a list of at most 100"),
    (lambda: inbox().set_preferences(snippets=[{"name": "a b", "text": "x"}]), errors.ConfigError,
     "a snippet's name is 1 to 32 letters, digits, '-' or '_', not 'a b'"),
    (lambda: inbox().set_preferences(snippets=[{"name": "a", "text": " "}]), errors.ConfigError,
     "the snippet 'a' needs a text of at most 10,000 characters"),
    (lambda: inbox().set_preferences(snippets=[{"name": "a", "text": "x"}] * 2), errors.ConfigError,
     "there are two snippets called 'a'; give each a name of its own"),
    (lambda: inbox().set_retention(days=-1), errors.ConfigError,
     "the history keeps messages for 0 to 36,500 days, not -1; write 0 to keep them for good"),
    (lambda: inbox().set_retention(mebibytes=cast("Any", 1.5)), errors.ConfigError,
     "the history's size is a whole number of 0 to 1,048,576 MiB, not 1.5; write 0 for no limit"),
    # the wire
    (lambda: decode(b"\xff"), errors.DecodeError, "a frame of 1 bytes is not a protocol message: …"),
    (lambda: encode(c.SendChat("1", "\ud800")), errors.EncodeError,
     "the text cannot be sent, it is not valid Unicode: …"),
    # the life of a message
    (lambda: inbox()._hub.inbox.move("over", MessageStatus.SENDING), errors.TransitionError,
     "a question that is expired cannot become sending"),
    # agents
    (lambda: AgentClient("ftp://h", "t"), errors.ConfigError, "…"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "kind", "text"), TABLE, ids=[text[:60] for _, _, text in TABLE])
def test_an_error_says_what_is_wrong_and_what_to_do(action: Any, kind: Any, text: Any) -> None:
    with pytest.raises(errors.MultiChatError) as caught:
        action()
    assert type(caught.value) is kind
    said = str(caught.value)
    start = text.partition("…")[0] if text.endswith("…") else None
    assert said.startswith(start) if start is not None else said == text
    assert "s3cret" not in said


def test_a_closed_inbox_says_so_whatever_is_asked_of_it() -> None:
    chat = inbox()
    chat.close()
    for action in (
        chat.reconnect,
        lambda: chat.reply("waits", "x"),
        lambda: chat.send("ada@Work", "x"),
        lambda: chat.add_server("ws://c"),
        lambda: chat.set_token("t"),
        lambda: chat.discard("waits"),
    ):
        with pytest.raises(errors.ClosedError) as caught:
            action()
        assert str(caught.value) == "this MultiChat was closed; make a new one with MultiChat()"


def test_a_server_file_without_servers_is_named(tmp_path: Path) -> None:
    chat, path = inbox(), tmp_path / "servers.json"
    for content, text in (
        ("{", f"{path} is no JSON file: "),
        (json.dumps({}), f"{path} holds no usable server; it should be a list of {{id, name, url, isEnabled}}"),
    ):
        path.write_text(content)
        with pytest.raises(errors.ConfigError) as caught:
            chat.import_servers(path)
        assert str(caught.value).startswith(text)


def test_every_error_stands_in_one_tree_and_time_outs_and_look_ups_in_pythons_too() -> None:
    found = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, Exception)]
    assert all(issubclass(cls, errors.MultiChatError) for cls in found)
    assert issubclass(errors.WaitTimeoutError, TimeoutError)
    assert issubclass(errors.AgentTimeoutError, TimeoutError)
    assert issubclass(errors.UnknownServerError, LookupError)
    assert issubclass(errors.ConfigError, ValueError)
