"""Messages and histories for the tests of the history."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ipymultichat.model import Entry, Message, MessageFilter, MessageKind, MessageStatus, Order, Reply, TextContent
from ipymultichat.store.database import Connect, connect, migrate
from ipymultichat.store.history import History
from ipymultichat.store.writer import WriterTiming

NOON = datetime(2024, 5, 17, 12, tzinfo=timezone.utc)
QUICK = WriterTiming(delay=0.005, pause=0.05, busy=0.05, patience=20)
ALL = MessageFilter()

T = TypeVar("T")


def message(number: object = 1, text: str = "Deploy?", **changes: Any) -> Message:
    """A question; `number` makes its id."""
    fields: dict[str, Any] = {
        "id": f"work/request/{number}",
        "kind": MessageKind.QUESTION,
        "server_id": "work",
        "server_name": "Work",
        "request_id": str(number),
        "text": text,
        "created_at": NOON,
        "status": MessageStatus.PENDING,
        "contents": (TextContent(text),),
    }
    return Message(**{**fields, **changes})


def chat(number: object = 1, text: str = "lunch?", sender: str = "ada", **changes: Any) -> Message:
    """A chat message that came in."""
    fields = {"kind": MessageKind.CHAT, "status": MessageStatus.RECEIVED, "sender": sender, "receiver": "me"}
    return message(number, text, **{**fields, **changes})


def answered(number: object = 1, answer: str = "yes", *, mine: bool = True, **changes: Any) -> Message:
    """A question with a reply."""
    reply = Reply((TextContent(answer),), "me" if mine else "bob", NOON, mine=mine)
    return message(number, **{"status": MessageStatus.REPLIED, "reply": reply, **changes})


def on_disk(item: Message) -> Message:
    """A message as it comes back."""
    return replace(item, live=False)


class Living:
    """The messages in memory, and a history they are written to.

    Attributes:
        asked: called with an id whenever the history asks for a message, in the thread that asks.
    """

    def __init__(self, profile: str = "default", **options: Any) -> None:
        self.entries: dict[str, Entry] = {}
        self.count = 0
        self.troubles: list[str] = []
        self.asked: Callable[[str], object] = lambda _id: None
        usual = {
            "entry": self._entry,
            "living": lambda: list(self.entries),
            "trouble": self.troubles.append,
            "timing": QUICK,
        }
        self.history = History(profile, **{**usual, **options})

    def put(self, *messages: Message, unread: bool = True) -> None:
        """Add messages or change them; the newest stands last."""
        for item in messages:
            known = self.entries.get(item.id)
            if known:
                self.place(item, known.order, unread=known.unread)
            else:
                self.count += 1
                self.place(item, (1_000 * self.count, self.count), unread=unread)

    def place(self, item: Message, order: Order, *, unread: bool = True) -> None:
        """Add a message with an order."""
        self.entries[item.id] = Entry(order, item, unread)
        self.history.touch(item.id)

    def read(self, upto: Order, server_id: str = "", peer: str = "") -> None:
        """See everything up to an order."""
        for entry in self.entries.values():
            if entry.order <= upto and server_id in ("", entry.message.server_id) and peer in ("", entry.message.peer):
                entry.unread = False
        self.history.mark_read(upto, server_id, peer)

    def flush(self) -> None:
        """Have everything written."""
        assert self.history.flush(10), self.troubles

    def stored(self, wanted: MessageFilter = ALL) -> list[str]:
        """The request ids of what fits and is in the file, oldest first."""
        entries, _more = self.history.page(None, 10_000, wanted).result(10)
        return [entry.message.request_id for entry in entries]

    def hold_up(self) -> tuple[threading.Event, threading.Event]:
        """Have the history wait when it asks for a message: returns what is set then, and what to let it go on by."""
        asked, answer = threading.Event(), threading.Event()

        def wait(_id: str) -> None:
            asked.set()
            answer.wait(50)

        self.asked = wait
        return asked, answer

    def _entry(self, message_id: str) -> Entry | None:
        self.asked(message_id)
        return self.entries.get(message_id)


@contextmanager
def living(profile: str = "default", **options: Any) -> Iterator[Living]:
    """Messages in memory and an open history that is closed at the end."""
    found = Living(profile, **options)
    found.history.open(0)
    try:
        yield found
    finally:
        found.history.close()


def kept(profile: str = "default", limit: int = 1_000, **options: Any) -> list[Entry]:
    """What the next kernel finds."""
    found = Living(profile, **options)
    try:
        entries = found.history.open(limit)
    finally:
        found.history.close()
    assert found.troubles == []
    return entries


def writers() -> list[threading.Thread]:
    """The threads of all open histories."""
    return [thread for thread in threading.enumerate() if thread.name == "ipymultichat-history"]


def with_connection(factory: type[sqlite3.Connection]) -> Connect:
    """What opens files with connections of this class."""
    return partial(connect, factory=factory)


class WithoutIndex(sqlite3.Connection):
    """A connection of a SQLite that was built without an index of words."""

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Run a statement."""
        if "fts5" in sql:
            raise sqlite3.OperationalError("no such module: fts5")
        return super().execute(sql, *values)


def eventually(condition: Callable[[], T], seconds: float = 10.0) -> T:
    """Return once something another thread does is done."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"did not become true within {seconds} s"
        time.sleep(0.002)
    return result


@contextmanager
def opened(path: Path, factory: type[sqlite3.Connection] = sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A new, empty file, open and brought up to date."""
    path.touch()
    with closing(connect(path, 1, factory)) as connection:
        migrate(connection)
        yield connection


def migrated_at_once(path: Path) -> list[Exception]:
    """Bring a file up to date from six connections at the same moment; return what went wrong."""
    start = threading.Barrier(6)
    failures: list[Exception] = []

    def open_it() -> None:
        with closing(connect(path, 10)) as connection:
            start.wait()
            try:
                migrate(connection)
            except Exception as error:  # noqa: BLE001
                failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures
