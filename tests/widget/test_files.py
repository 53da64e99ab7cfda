"""Files both ways between browser and kernel."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from tab import Tab
from waiting import until

from ipymultichat import MultiChat
from ipymultichat.agent import AgentClient
from ipymultichat.contents import MAX_PART
from ipymultichat.errors import ConfigError
from ipymultichat.hub.log import MessageLog
from ipymultichat.inbox import Inbox
from ipymultichat.model import Message, MessageKind, MessageStatus
from ipymultichat.server import LocalServer
from ipymultichat.store import MEMORY, History
from ipymultichat.widget.files import KEPT, MAX_FILES, MAX_TOTAL, PIECE, SILENT, Downloads, Uploads

FILE = {"client": "tab", "upload": "u1", "name": "notes.txt", "mime_type": "text/plain"}


@pytest.fixture
def tab(chat: MultiChat) -> Any:
    return Tab(chat)


@pytest.fixture
async def asked(server: LocalServer, chat: MultiChat) -> Any:
    call = asyncio.ensure_future(AgentClient(server.url, "s3cret-token").ask_question("Which file?"))
    await chat.wait_for(timeout=5)
    yield call
    call.cancel()
    await asyncio.wait([call])


async def hand_over(tab: Tab, data: Any, **about: Any) -> None:
    for offset in range(0, max(len(data), 1), PIECE):
        result = await tab.ask(
            [data[offset : offset + PIECE]], **{**FILE, "type": "upload", "size": len(data), "offset": offset, **about}
        )
        assert result == {**result, "ok": True, "value": min(offset + PIECE, len(data))}


async def test_a_file_in_pieces_reaches_the_agent_beside_the_text(tab: Tab, chat: MultiChat, asked: Any) -> None:
    data = bytes(range(256)) * 12_000
    await hand_over(tab, data)
    key = chat.messages.pending[0].id
    assert (await tab.command("reply", message_id=key, text="this one", uploads=["u1"]))["ok"]
    answer = await asked
    assert answer.text == "this one"
    part = answer.contents[1]
    assert (part.uri, part.mime_type, part.data) == ("file:///notes.txt", "text/plain", data)


async def test_a_file_alone_is_an_answer_and_nothing_at_all_is_none(tab: Tab, chat: MultiChat, asked: Any) -> None:
    key = chat.messages.pending[0].id
    assert "empty" in (await tab.command("reply", message_id=key, text=" "))["error"]
    await hand_over(tab, b"\x89PNG\r\n\x1a\nrest", mime_type="image/png", name="a.png")
    assert (await tab.command("reply", message_id=key, text="", uploads=["u1"]))["ok"]
    assert (await asked).contents[0].mime_type == "image/png"


async def test_a_reply_with_a_file_that_is_not_there_says_so_and_sends_nothing(
    tab: Tab, chat: MultiChat, asked: Any
) -> None:
    key = chat.messages.pending[0].id
    result = await tab.command("reply", message_id=key, text="x", uploads=["nothing"])
    assert "attach it again" in result["error"]
    assert chat.messages.pending[0].status == "pending"


async def test_what_a_tab_forgets_is_gone(tab: Tab, chat: MultiChat, asked: Any) -> None:
    await hand_over(tab, b"x")
    tab.say(type="forget", client="other", uploads=None)
    assert len(chat._sync._uploads) == 1
    tab.say(type="forget", client="tab", uploads=["u1"])
    assert len(chat._sync._uploads) == 0


def made(clock: Any = lambda: 0.0) -> Any:
    return Uploads(clock)


@pytest.mark.parametrize(
    ("frame", "piece", "words"),
    [
        ({"size": MAX_PART + 1, "offset": 0}, b"", "at most 20,971,520"),
        ({"size": 3, "offset": 1}, b"x", "missing"),
        ({"size": 3, "offset": 0}, b"xxxx", "not as large"),
        ({"size": 3 * PIECE, "offset": 0}, b"x" * (PIECE + 1), "not as large"),
        ({"size": -1, "offset": 0}, b"", "size"),
        ({"size": "3", "offset": 0}, b"", "size"),
        ({"size": 3, "offset": 0, "name": 5}, b"", "name"),
        ({"size": 3, "offset": 0, "mime_type": 5}, b"", "'mime_type' of a file"),
        ({"size": 3, "offset": 0, "mime_type": "x" * 256}, b"", "at most 255 characters"),
        ({"size": 3, "offset": 0, "client": "x" * 101}, b"", "'client' of a file must be text of at most 100"),
        ({"size": 3, "offset": 0, "upload": "x" * 101}, b"", "'upload' of a file must be text of at most 100"),
        ({"size": 3, "offset": 0, "upload": ["x"]}, b"", "'upload' of a file"),
    ],
)
def test_a_piece_that_does_not_fit_is_refused(frame: Any, piece: Any, words: Any) -> None:
    with pytest.raises(ConfigError, match=words):
        made().add({**FILE, **frame}, piece)


@pytest.mark.parametrize("offset", [1, 3])
def test_a_piece_that_comes_twice_or_too_early_is_refused(offset: Any) -> None:
    uploads = made()
    uploads.add({**FILE, "size": 9, "offset": 0}, b"ab")
    with pytest.raises(ConfigError, match="missing"):
        uploads.add({**FILE, "size": 9, "offset": offset}, b"x")


def test_a_file_that_is_not_complete_cannot_be_sent() -> None:
    uploads = made()
    uploads.add({**FILE, "size": 3, "offset": 0}, b"ab")
    with pytest.raises(ConfigError, match="completely"):
        uploads.contents(["u1"])


def test_files_nobody_uses_are_dropped_after_ten_minutes() -> None:
    now = [0.0]
    uploads = made(lambda: now[0])
    uploads.add({**FILE, "size": 1, "offset": 0}, b"a")
    now[0] = KEPT - 1
    assert uploads.contents(["u1"])
    now[0] += KEPT - 1
    uploads.sweep()
    assert len(uploads) == 1
    now[0] += 1
    uploads.sweep()
    assert len(uploads) == 0


def test_all_files_together_are_bounded() -> None:
    uploads = made()
    for number in range(5):
        uploads.add({**FILE, "upload": str(number), "size": MAX_PART, "offset": 0}, b"")
    with pytest.raises(ConfigError, match="together"):
        uploads.add({**FILE, "upload": "more", "size": 1, "offset": 0}, b"")


def test_files_without_a_byte_are_counted_as_well() -> None:
    uploads = made()
    for number in range(MAX_FILES):
        uploads.add({**FILE, "upload": str(number), "size": 0, "offset": 0}, b"")
    with pytest.raises(ConfigError, match="200 attachments already; send some first"):
        uploads.add({**FILE, "upload": "more", "size": 0, "offset": 0}, b"")
    assert len(uploads) == MAX_FILES
    uploads.forget("tab", ["0"])
    assert uploads.add({**FILE, "upload": "more", "size": 0, "offset": 0}, b"") == 0


def test_a_file_that_is_handed_over_again_takes_its_own_place() -> None:
    uploads = made()
    for number in range(MAX_FILES):
        uploads.add({**FILE, "upload": str(number), "size": MAX_TOTAL // MAX_FILES, "offset": 0}, b"")
    assert uploads.add({**FILE, "upload": "7", "size": MAX_TOTAL // MAX_FILES, "offset": 0}, b"x") == 1
    assert len(uploads) == MAX_FILES


def test_of_a_long_name_no_more_than_its_beginning_is_kept() -> None:
    uploads = made()
    uploads.add({**FILE, "name": "x" * 10**6, "size": 1, "offset": 0}, b"a")
    assert uploads.contents(["u1"])[0].uri == f"file:///{'x' * 200}"


def test_a_file_that_is_named_twice_goes_along_once() -> None:
    uploads = made()
    uploads.add({**FILE, "size": 1, "offset": 0}, b"a")
    assert len(uploads.contents(["u1"] * 1_000)) == 1


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\secret\\passwd", "/passwd"])
def test_a_name_is_never_a_place(name: Any) -> None:
    uploads = made()
    uploads.add({**FILE, "name": name, "size": 1, "offset": 0}, b"a")
    assert uploads.contents(["u1"])[0].uri == "file:///passwd"


async def fetch(tab: Tab, **what: Any) -> Any:
    """Fetch a whole thing, piece by piece."""
    data, pieces = b"", 0
    while True:
        frame = await tab.ask(type="fetch", client="tab", offset=len(data), **what)
        if frame["type"] == "result":
            return frame["error"]
        assert len(frame["buffers"][0]) <= PIECE
        data, pieces = data + frame["buffers"][0], pieces + 1
        if len(data) >= frame["size"]:
            return data, pieces


async def test_a_part_of_an_answer_is_fetched_in_pieces(tab: Tab, chat: MultiChat, asked: Any) -> None:
    data = b"\xff\xd8\xff" + bytes(2_500_000)
    await chat.reply(chat.messages.pending[0], "see", data, "and this", b"plain")
    key = chat.messages[0].id
    tab.say(type="sync", client="tab")
    assert [part["type"] for part in tab.of("snapshot")[0]["messages"][0]["reply"]["attachments"]] == [
        "image",
        "resource",
    ]
    assert await fetch(tab, message_id=key, attachment=0) == (data, 3)
    assert await fetch(tab, message_id=key, attachment=1) == (b"plain", 1)


@pytest.mark.parametrize(
    "what",
    [
        {"message_id": "nothing", "attachment": 0},
        {"attachment": 5},
        {"attachment": -1},
        {"attachment": "0"},
        {"attachment": 0, "offset": -1},
        {"attachment": None},
    ],
)
async def test_what_is_not_there_cannot_be_fetched(tab: Tab, chat: MultiChat, asked: Any, what: Any) -> None:
    await chat.reply(chat.messages.pending[0], b"plain")
    frame = await tab.ask(**{"type": "fetch", "client": "tab", "message_id": chat.messages[0].id, "offset": 0, **what})
    assert (frame["type"], frame["ok"]) == ("result", False)


async def test_the_log_is_exported_as_it_was_when_it_was_asked_for(tab: Tab, chat: MultiChat, asked: Any) -> None:
    await chat.reply(chat.messages.pending[0], "yes " * 400_000)
    frame = await tab.ask(type="fetch", client="tab", export=True, offset=0)
    call = asyncio.ensure_future(AgentClient(chat.servers[0].url, "s3cret-token").ask_question("Later?"))
    await until(lambda: chat.pending_count == 1)
    rest = await tab.ask(type="fetch", client="tab", export=True, offset=PIECE)
    lines = (frame["buffers"][0] + rest["buffers"][0]).decode().splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["Which file?"]
    assert (await tab.ask(type="fetch", client="tab", export=True, offset=PIECE))["ok"] is False
    call.cancel()
    await asyncio.wait([call])


NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
LINE = 200_000


class CountingLog(MessageLog):
    """A log in memory that counts the lines that were made of it."""

    def __init__(self, count: int) -> None:
        self.inbox = Inbox()
        self.lines = 0
        self.fails_at = count + 1
        super().__init__(self.inbox, History(MEMORY, entry=self.inbox.peek, trouble=print), str)
        for number in range(count):
            self.add(number)

    def add(self, number: int) -> None:
        """Let one more message come."""
        item = Message(
            f"m{number}", MessageKind.QUESTION, "s", "S", f"m{number}", "x" * LINE, NOW, MessageStatus.REPLIED,
            live=False,
        )  # fmt: skip
        self.inbox.add(item, received_at=NOW)

    def json_lines(self) -> Iterator[str]:
        """Every message as a line."""
        for line in super().json_lines():
            self.lines += 1
            if self.lines == self.fails_at:
                raise OSError("the disk is gone")
            yield line


class Clock:
    """Seconds, as a test wants them."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def export_piece(downloads: Downloads, offset: int, client: str = "tab") -> tuple[int, bytes]:
    return await downloads.piece({"client": client, "export": True, "offset": offset})


async def test_an_export_makes_of_the_log_what_the_browser_asked_for_and_no_more() -> None:
    log = CountingLog(40)
    downloads = Downloads(log)
    data, made, more = b"", [], True
    while more:
        size, piece = await export_piece(downloads, len(data))
        data += piece
        made.append(log.lines)
        more = len(data) < size
    assert made[:3] == [6, 11, 16]
    assert len(data.splitlines()) == log.lines == 40
    assert len(downloads) == 0


async def test_a_piece_of_an_export_can_be_had_again_and_no_other_out_of_turn() -> None:
    downloads = Downloads(CountingLog(40))
    first = await export_piece(downloads, 0)
    second = await export_piece(downloads, PIECE)
    assert await export_piece(downloads, PIECE) == second != first
    with pytest.raises(ConfigError, match="beginning"):
        await export_piece(downloads, 5 * PIECE)


async def test_an_export_is_of_the_messages_there_were_when_it_began() -> None:
    log = CountingLog(12)
    log.inbox._trim_messages = log.inbox._max_messages = 12
    downloads = Downloads(log)
    _size, data = await export_piece(downloads, 0)
    for number in range(12, 20):
        log.add(number)  # the oldest leave memory
    more = True
    while more:
        size, piece = await export_piece(downloads, len(data))
        data += piece
        more = len(data) < size
    assert [json.loads(line)["id"] for line in data.splitlines()] == [f"m{number}" for number in range(12)]


async def test_an_export_nobody_asks_for_any_more_is_let_go_after_a_minute() -> None:
    clock = Clock()
    downloads = Downloads(CountingLog(40), clock)
    await export_piece(downloads, 0)
    clock.now = SILENT - 1
    await export_piece(downloads, PIECE)
    clock.now += SILENT - 1
    downloads.sweep()
    assert len(downloads) == 1
    clock.now += 1
    downloads.sweep()
    assert len(downloads) == 0
    with pytest.raises(ConfigError, match="beginning"):
        await export_piece(downloads, 2 * PIECE)


async def test_an_export_that_failed_is_over() -> None:
    log = CountingLog(40)
    log.fails_at = 9
    downloads = Downloads(log)
    await export_piece(downloads, 0)
    with pytest.raises(OSError, match="the disk is gone"):
        await export_piece(downloads, PIECE)
    with pytest.raises(ConfigError, match="beginning"):
        await export_piece(downloads, PIECE)


async def test_the_export_of_a_tab_that_is_closed_is_let_go(tab: Tab, chat: MultiChat, asked: Any) -> None:
    await chat.reply(chat.messages.pending[0], "yes " * 600_000)
    await tab.ask(type="fetch", client="tab", export=True, offset=0)
    downloads = chat._sync._downloads
    tab.say(type="forget", client="tab", uploads=["u1"])
    tab.say(type="forget", client="other", uploads=None)
    assert len(downloads) == 1
    assert chat._sync._sweeping
    tab.say(type="forget", client="tab", uploads=None)
    assert len(downloads) == 0


async def test_the_exports_of_a_widget_that_is_closed_are_let_go(tab: Tab, chat: MultiChat, asked: Any) -> None:
    await chat.reply(chat.messages.pending[0], "yes " * 600_000)
    await tab.ask(type="fetch", client="tab", export=True, offset=0)
    chat.close()
    assert len(chat._sync._downloads) == 0


async def test_an_export_in_a_thread_lets_the_loop_run(
    chat: MultiChat, asked: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = chat._hub.log
    begun, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    lines = log.json_lines

    def slow() -> Iterator[str]:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(20)
        yield from lines()

    monkeypatch.setattr(log, "json_lines", slow)
    export = asyncio.ensure_future(asyncio.to_thread(chat.export, tmp_path / "log.jsonl"))
    await begun.wait()
    await chat.reply(chat.messages.pending[0], "meanwhile")
    go_on.set()
    assert json.loads((await export).read_text())["status"] == "replied"
