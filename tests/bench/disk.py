"""Prints what a long history costs on disk: its check, its repair, its export, and texts of many megabytes."""

from __future__ import annotations

import asyncio
import filecmp
import os
import sqlite3
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from histories import NOON, answered, message
from inboxes import make_inbox

from ipymultichat.hub.log import MessageLog
from ipymultichat.inbox import Inbox
from ipymultichat.model import Entry, ImageContent, Message, Reply, TextContent
from ipymultichat.store import History
from ipymultichat.store.database import check_pages, connect, migrate, transaction
from ipymultichat.store.opening import Stamp, open_file
from ipymultichat.store.queries import MessageTable
from ipymultichat.widget.files import Downloads

MESSAGES = 100_000
TEXT = "Deploy the build to staging? It has passed the nightly tests, and nobody is on call until Monday. " * 5
LARGE = 20 * 2**20


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long something takes, in seconds."""
    began = time.perf_counter()
    yield
    print(f"{what}: {time.perf_counter() - began:.2f} s")


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A history that is open."""
    path.touch()
    with closing(connect(path, 1)) as connection:
        migrate(connection)
        yield connection


def fill(path: Path) -> None:
    """Make a history of 100,000 messages."""
    with opened(path) as connection:
        for start in range(0, MESSAGES, 500):
            entries = [
                Entry((number, number), answered(number, text=f"{number} {TEXT}"), unread=False)
                for number in range(start, start + 500)
            ]
            with transaction(connection):
                MessageTable(connection).write(entries)
    print(f"{MESSAGES:,} messages: {path.stat().st_size / 2**20:.0f} MiB")


def damage(path: Path) -> None:
    """Check a history, spoil one page of it, and repair it."""
    with opened(path) as connection, timed("a check of every page"):
        check_pages(connection)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 4096 // 4 * 4096)
        file.write(b"\xa5" * 4096)
    with timed("the repair of one damaged page"):
        connection, _nothing, salvaged = open_file(path, connect, 1, lambda _connection: None, Stamp.of(path).file)
    connection.close()
    assert salvaged is not None
    print(f"  the history {salvaged.told(len(salvaged.lost))}")


async def export(path: Path) -> None:
    """Fetch the whole history as a browser does."""
    inbox = Inbox()
    history = History(path.stem, entry=inbox.peek, trouble=print)
    newest = history.open(100)
    inbox.restore(newest, complete_from=newest[0].order, conversations=())
    downloads = Downloads(MessageLog(inbox, history, str))
    tracemalloc.start()
    with timed("its export to a browser, while memory is watched"):
        offset, more = 0, True
        while more:
            size, piece = await downloads.piece({"client": "tab", "export": True, "offset": offset})
            offset += len(piece)
            more = offset < size
    print(f"  {offset / 2**20:.0f} MiB, with {tracemalloc.get_traced_memory()[1] / 2**20:.0f} MiB of memory at most")
    tracemalloc.stop()
    history.close()


def exchange(folder: Path) -> None:
    """Export 100,000 messages with a picture each, import them elsewhere, and export them again."""
    with opened(folder / "pictures.sqlite3") as connection:
        for start in range(0, MESSAGES, 500):
            entries = [Entry((number, number), pictured(number), unread=False) for number in range(start, start + 500)]
            with transaction(connection):
                MessageTable(connection).write(entries)
    chats = {profile: make_inbox(profile=profile) for profile in ("pictures", "imported")}
    files = {profile: folder / f"{profile}.jsonl" for profile in chats}
    for what, act in (
        ("exported", lambda: chats["pictures"].export(files["pictures"])),
        ("imported", lambda: chats["imported"].import_messages(files["pictures"])),
        ("exported again", lambda: chats["imported"].export(files["imported"])),
    ):
        before = resident("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark begins anew
        with timed(f"{MESSAGES:,} messages with a picture each {what}"):
            act()
        print(f"  with {resident('VmHWM') - before:.0f} MiB of memory more, at most, than before")
    same = "the same" if filecmp.cmp(files["pictures"], files["imported"], shallow=False) else "DIFFERENT"
    print(f"  both files: {files['pictures'].stat().st_size / 2**20:.0f} MiB, {same}")
    for chat in chats.values():
        chat.close()


def resident(name: str) -> float:
    """MiB of memory of this process, now (`VmRSS`) or at most (`VmHWM`)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


def pictured(number: int) -> Message:
    """A message whose answer has a picture of 4 KiB."""
    picture = ImageContent(os.urandom(4096), "image/png", f"plot {number}.png")
    return replace(
        answered(number, text=f"{number} {TEXT}"), reply=Reply((TextContent("see"), picture), "me", NOON, mine=True)
    )


def large(path: Path) -> None:
    """Write three texts of 20 MiB, one batch."""
    text = " ".join(f"{number:x}" for number in range(LARGE // 6))[:LARGE]
    entries = [Entry((number, 0), message(number, text), unread=False) for number in range(3)]
    with opened(path) as connection, timed("three texts of 20 MiB written"), transaction(connection):
        MessageTable(connection).write(entries)
    print(f"  the file: {path.stat().st_size / 2**20:.0f} MiB")


def main() -> int:
    """Measure one after the other, in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MULTICHAT_CONFIG_DIR"] = folder
        fill(Path(folder, "long.sqlite3"))
        asyncio.run(export(Path(folder, "long.sqlite3")))
        damage(Path(folder, "long.sqlite3"))
        large(Path(folder, "large.sqlite3"))
        exchange(Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
