"""Several kernels at work on one history."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import histories
from histories import NOON, answered, chat, kept, living, message, on_disk

from ipymultichat.model import MessageFilter, MessageStatus, Reply, TextContent
from ipymultichat.store.database import connect, transaction
from ipymultichat.store.history import history_path

CHILD = """
import sys
from histories import Living, answered
from ipymultichat.store.writer import WriterTiming
name = sys.argv[1]
now = Living(timing=WriterTiming())
now.history.open(0)
for number in range(600):
    now.put(answered(f"{name}-{number}", "x" * 200), answered(f"shared-{number}", name))
assert now.history.flush(50), now.troubles
now.history.close()
assert now.troubles == []
"""


def test_two_kernels_write_the_same_message_once_with_what_either_knows() -> None:
    with living() as first, living() as second:
        first.put(message(1))
        second.put(message(1))
        first.flush()
        second.flush()
        first.put(answered(1, "mine"))
        first.read((9_000, 9))
        first.flush()
        second.put(message(1, status=MessageStatus.CANCELLED, error="gone"))
        second.flush()
    (entry,) = kept()
    assert entry.message == on_disk(answered(1, "mine"))
    assert not entry.unread


def test_what_is_numbered_otherwise_in_another_kernel_is_seen_all_the_same() -> None:
    with living() as first, living() as second:
        for number in range(5):
            first.place(chat(number), (7_000, number + 10))
        first.flush()
        for number in range(5):
            second.place(chat(number), (7_000, number + 1))
        second.flush()
        second.read((7_000, 3))
        second.flush()
        assert [entry.unread for entry in kept()] == [False, False, False, True, True]
        second.read((7_000, 5))
        second.flush()
        assert not any(entry.unread for entry in kept())
        assert second.troubles == []


def test_a_kernel_can_start_while_another_one_writes() -> None:
    with living() as first:
        first.put(message(1))
        first.flush()
        with closing(connect(history_path("default"), 1)) as other, transaction(other):
            # Pruning, which is not due by this clock, would have to wait, and say so.
            assert len(kept(clock=lambda: -60.0)) == 1


def test_one_kernel_sees_what_another_one_wrote() -> None:
    with living() as first, living() as second:
        first.put(message(1, "roll back?"))
        first.flush()
        entries, _more = second.history.page(None, 10, MessageFilter(text="ROLL")).result(10)
        assert [entry.message for entry in entries] == [on_disk(message(1, "roll back?"))]
        found = second.history.find("work/request/1").result(10)
        assert found
        assert found.message.text == "roll back?"


def test_what_one_kernel_typed_is_not_lost_to_another_one() -> None:
    draft = (TextContent("typed for an hour"),)
    with living() as first, living() as second:
        first.put(message(1, status=MessageStatus.FAILED, draft=draft))
        first.flush()
        second.put(message(1, status=MessageStatus.REPLIED, reply=Reply((TextContent("no"),), "bob", NOON, mine=False)))
        second.flush()
    (entry,) = kept()
    assert entry.message.reply
    assert (entry.message.status, entry.message.reply.by, entry.message.draft) == ("replied", "bob", draft)


def test_processes_that_write_at_once_lose_nothing() -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(histories.__file__).parent)}
    children = [
        subprocess.Popen([sys.executable, "-c", CHILD, name], stderr=subprocess.PIPE, text=True, env=environment)
        for name in ("a", "b", "c")
    ]
    with ThreadPoolExecutor(len(children)) as pool:
        errors = list(pool.map(lambda child: child.communicate(timeout=50)[1], children))
    assert [child.returncode for child in children] == [0, 0, 0], errors
    found = [entry.message for entry in kept(limit=10_000)]
    assert len(found) == 4 * 600
    assert len({item.id for item in found}) == len(found)
