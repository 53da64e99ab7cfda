"""Several kernels at work on one history."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from threading import Thread

import histories
from histories import NOON, answered, chat, kept, living, message, on_disk

from ipymultichat.model import MessageFilter, MessageStatus, Reply, TextContent
from ipymultichat.store import history_path
from ipymultichat.store.schema import connect, transaction

CHILD = """
import sys
sys.path[:0] = [sys.argv[1]]
from histories import Living, answered
from ipymultichat.store import Timing
name = sys.argv[2]
now = Living(timing=Timing())
now.history.open(0)
for number in range(600):
    now.put(answered(f"{name}-{number}", "x" * 200), answered(f"shared-{number}", name))
assert now.history.flush(50), now.troubles
now.history.close()
assert now.troubles == []
"""


def test_two_kernels_write_the_same_message_once_with_what_either_knows():
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


def test_what_is_numbered_otherwise_in_another_kernel_is_seen_all_the_same():
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


def test_a_kernel_can_start_while_another_one_writes():
    with living() as first:
        first.put(message(1))
        first.flush()
        with closing(connect(history_path("default"), 1)) as other, transaction(other):
            assert len(kept()) == 1


def test_one_kernel_sees_what_another_one_wrote():
    with living() as first, living() as second:
        first.put(message(1, "roll back?"))
        first.flush()
        entries, _more = second.history.page(None, 10, MessageFilter(text="ROLL")).result(10)
        assert [entry.message for entry in entries] == [on_disk(message(1, "roll back?"))]
        assert second.history.find("work/request/1").result(10).message.text == "roll back?"


def test_what_one_kernel_typed_is_not_lost_to_another_one():
    draft = (TextContent("typed for an hour"),)
    with living() as first, living() as second:
        first.put(message(1, status=MessageStatus.FAILED, draft=draft))
        first.flush()
        second.put(message(1, status=MessageStatus.REPLIED, reply=Reply((TextContent("no"),), "bob", NOON, mine=False)))
        second.flush()
    (entry,) = kept()
    assert (entry.message.status, entry.message.reply.by, entry.message.draft) == ("replied", "bob", draft)


def test_processes_that_write_at_once_lose_nothing():
    folder = str(Path(histories.__file__).parent)
    children = [
        subprocess.Popen([sys.executable, "-c", CHILD, folder, name], stderr=subprocess.PIPE, text=True)
        for name in ("a", "b", "c")
    ]
    errors = {}
    readers = [Thread(target=lambda child=child: errors.update({child.pid: child.stderr.read()})) for child in children]
    for reader in readers:
        reader.start()
    for child, reader in zip(children, readers, strict=True):
        reader.join()
        child.stderr.close()
        assert child.wait(50) == 0, errors[child.pid]
    found = [entry.message for entry in kept(limit=10_000)]
    assert len(found) == 4 * 600
    assert len({item.id for item in found}) == len(found)
