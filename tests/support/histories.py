"""Messages and histories for the tests of the history."""

import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone

from ipymultichat.model import Entry, Message, MessageKind, MessageStatus, Reply, TextContent
from ipymultichat.store import History, Timing

NOON = datetime(2024, 5, 17, 12, tzinfo=timezone.utc)
QUICK = Timing(delay=0.005, pause=0.05, busy=0.05, patience=20)


def message(number=1, text="Deploy?", **changes):
    """A question; `number` makes its id."""
    fields = {
        "id": f"work/request/{number}",
        "kind": MessageKind.QUESTION,
        "server_id": "work",
        "server_name": "Work",
        "request_id": str(number),
        "text": text,
        "created_at": NOON,
        "status": MessageStatus.PENDING,
        "contents": (TextContent(text),),
        **changes,
    }
    return Message(**fields)


def chat(number=1, text="lunch?", sender="ada", **changes):
    """A chat message that came in."""
    fields = {"kind": MessageKind.CHAT, "status": MessageStatus.RECEIVED, "sender": sender, "receiver": "me", **changes}
    return message(number, text, **fields)


def answered(number=1, answer="yes", *, mine=True, **changes):
    """A question with a reply."""
    reply = Reply((TextContent(answer),), "me" if mine else "bob", NOON, mine=mine)
    return message(number, status=MessageStatus.REPLIED, reply=reply, **changes)


class Living:
    """The messages in memory, and a history they are written to."""

    def __init__(self, profile="default", **options):
        self.entries = {}
        self.count = 0
        self.troubles = []
        self.history = History(
            profile, entry=self.entries.get, trouble=self.troubles.append, **{"timing": QUICK, **options}
        )

    def put(self, *messages, unread=True):
        """Add messages or change them; the newest stands last."""
        for item in messages:
            known = self.entries.get(item.id)
            if not known:
                self.count += 1
            place = known.order if known else (1_000 * self.count, self.count)
            self.entries[item.id] = Entry(place, item, known.unread if known else unread)
            self.history.touch(item.id)

    def place(self, item, order, *, unread=True):
        """Add a message at a place."""
        self.entries[item.id] = Entry(order, item, unread)
        self.history.touch(item.id)

    def read(self, upto, server_id="", peer=""):
        """See everything up to a place."""
        for entry in self.entries.values():
            if entry.order <= upto and server_id in ("", entry.message.server_id) and peer in ("", entry.message.peer):
                entry.unread = False
        self.history.mark_read(upto, server_id, peer)

    def flush(self):
        assert self.history.flush(10)


@contextmanager
def living(profile="default", **options):
    """Messages in memory and an open history that is closed at the end."""
    found = Living(profile, **options)
    found.history.open(0)
    try:
        yield found
    finally:
        found.history.close()


def kept(profile="default", limit=1_000):
    """What the next kernel finds."""
    troubles = []
    history = History(profile, entry=lambda _id: None, trouble=troubles.append, timing=QUICK)
    try:
        entries = history.open(limit)
    finally:
        history.close()
    assert troubles == []
    return entries


def on_disk(item):
    """A message as it comes back."""
    return replace(item, live=False)


def eventually(condition, seconds=10.0):
    """Return once something another thread does is done."""
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, f"did not become true within {seconds} s"
        time.sleep(0.002)
    return result
