"""The log as people read it, in memory and beyond."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from inboxes import MakeChat, hub_of

from ipymultichat.agent import AgentClient
from ipymultichat.errors import ConfigError, UnknownMessageError
from ipymultichat.hub import Chat
from ipymultichat.inbox import Inbox
from ipymultichat.model import ImageContent, Message, MessageKind, MessageStatus, Reply, TextContent
from ipymultichat.model.forms import from_json, to_json
from ipymultichat.server import LocalServer

NOW = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)


def message(number: int, status: MessageStatus = MessageStatus.REPLIED) -> Message:
    return Message(
        f"m{number}", MessageKind.QUESTION, "s", "S", f"m{number}", f"text {number}", NOW + timedelta(seconds=number),
        status, live=False,
    )  # fmt: skip


def fill(chat: Chat, *messages: Message) -> None:
    for item in messages:
        hub_of(chat).inbox.add(item, received_at=NOW)


async def test_the_log_is_a_live_sequence(make_chat: MakeChat) -> None:
    chat = make_chat()
    fill(chat, message(1), message(2, MessageStatus.PENDING))
    log = chat.messages
    assert (len(log), log[0].id, log[-1].id, [m.id for m in log[:1]]) == (2, "m1", "m2", ["m1"])
    assert [m.id for m in log] == ["m1", "m2"]
    assert [m.id for m in log.pending] == ["m2"]
    assert repr(log) == "<2 messages, 1 pending>"
    assert log.get("m1").text == "text 1"
    with pytest.raises(UnknownMessageError, match="'m9'"):
        log.get("m9")


@pytest.mark.parametrize("profile", [":memory:", "kept"])
async def test_an_export_has_everything_in_order_also_what_waits_below_the_bound_of_memory(
    make_chat: MakeChat, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profile: Any
) -> None:
    monkeypatch.setattr("ipymultichat.hub.hub.Inbox", partial(Inbox, max_messages=10))
    chat = make_chat(profile=profile)
    fill(chat, message(0, MessageStatus.PENDING), message(1, MessageStatus.FAILED))
    for number in range(2, 30):
        fill(chat, message(number))
        assert hub_of(chat).history.flush(5) == (profile != ":memory:")
    rows = [json.loads(line) for line in chat.export(tmp_path / "log.jsonl").read_text().splitlines()]
    ids = [row["id"] for row in rows]
    assert ids == sorted(ids, key=lambda key: int(key[1:]))
    assert ids[:2] == ["m0", "m1"]
    assert len(ids) == (30 if profile != ":memory:" else len(chat.messages))


async def test_an_exported_line_has_all_of_a_message(make_chat: MakeChat, tmp_path: Path) -> None:
    chat = make_chat()
    image = ImageContent(b"\x89PNG", "image/png")
    whole = replace(message(1), reply=Reply((TextContent("yes"), image), "me", NOW, mine=True), draft=(image,))
    fill(chat, whole)
    line = chat.export(tmp_path / "log.jsonl").read_text()
    assert from_json(json.loads(line)) == whole


@pytest.mark.parametrize("profile", ["other", ":memory:"])
async def test_an_export_imported_elsewhere_is_exported_again_as_it_was_and_adds_nothing_twice(
    make_chat: MakeChat, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profile: str
) -> None:
    for name, bound in (("BATCH", 4), ("KEPT", 5)):
        monkeypatch.setattr(f"ipymultichat.hub.importing.{name}", bound)
    first, second = make_chat(profile="kept"), make_chat(profile=profile)
    image = ImageContent(b"\x89PNG" * 1_000, "image/png", "plot.png")
    for number in range(30):
        reply = Reply((TextContent("yes"), image), "me", NOW, mine=True)
        # the clocks of servers differ: the log is not in the order of their times
        skewed = NOW - timedelta(hours=number % 3)
        fill(first, replace(message(number), reply=reply, rule="auto", created_at=skewed, live=number > 20))
    exported = first.export(tmp_path / "log.jsonl")
    assert second.import_messages(exported) == 30
    assert second.export(tmp_path / "again.jsonl").read_bytes() == exported.read_bytes()
    assert len(second.messages) == (30 if profile == ":memory:" else 5)
    assert second.import_messages(exported) == 0
    fill(second, message(30))
    assert first.import_messages(second.export(tmp_path / "more.jsonl")) == 1
    assert first.messages[-1] == message(30)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("no json", "JSONDecodeError"),
        ("[1]", "AttributeError"),
        ('{"id": "x"}', "TypeError"),
        ('"created_at": "2026-01-01T12:00:00"', "a time without a zone"),
        ('"text": 5', "text is no str"),
        ('"status": "sent"', "a question 'm1' cannot be sent"),
    ],
)
async def test_a_line_that_is_no_message_is_named_and_those_before_it_are_imported(
    make_chat: MakeChat, tmp_path: Path, line: str, why: str
) -> None:
    good = json.dumps(to_json(message(0)))
    if line.startswith('"'):
        line = json.dumps({**to_json(message(1)), **json.loads(f"{{{line}}}")})
    path = tmp_path / "log.jsonl"
    path.write_text(f"{good}\n\n{line}\n{good}\n")
    chat = make_chat()
    with pytest.raises(ConfigError, match=f"line 3 of .*log.jsonl is no message that export.. wrote: .*{why}"):
        chat.import_messages(path)
    assert [item.id for item in chat.messages] == ["m0"]


async def test_what_still_waited_when_it_was_exported_is_as_after_a_restart(
    make_chat: MakeChat, tmp_path: Path
) -> None:
    past = replace(message(2, MessageStatus.PENDING), deadline=NOW)
    cut = replace(message(3, MessageStatus.SENDING), draft=(TextContent("yes"),))
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(json.dumps(to_json(item)) for item in (message(1, MessageStatus.PENDING), past, cut)))
    chat = make_chat()
    assert chat.import_messages(path) == 3
    assert [item.status for item in chat.messages] == ["pending", "expired", "failed"]
    assert hub_of(chat).waiting() == []


async def test_an_export_in_a_thread_leaves_the_loop_free(chat: Chat, work: LocalServer, tmp_path: Path) -> None:
    fill(chat, message(1))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    exporting = asyncio.ensure_future(asyncio.to_thread(chat.export, pipe))  # it waits for a reader
    agent = asyncio.ensure_future(AgentClient(work.url, "tok").ask_question("?"))
    await chat.reply(await chat.wait_for(timeout=5), "yes")
    assert (await agent).text == "yes"
    assert not exporting.done()
    lines = (await asyncio.to_thread(pipe.read_text)).splitlines()
    assert await exporting == pipe
    assert [json.loads(line)["text"] for line in lines] == ["text 1", "?"]


async def test_the_data_frame_has_a_row_for_each_with_the_answer_in_columns(make_chat: MakeChat) -> None:
    chat = make_chat()
    fill(chat, replace(message(1), reply=Reply((TextContent("yes"),), "ada", NOW, mine=False)), message(2))
    frame = chat.to_dataframe()
    assert (frame.loc[0, "reply"], frame["reply"].isna().tolist()) == ("yes", [False, True])
    assert list(frame["server_name"]) == ["S", "S"]
    assert str(frame["created_at"].dtype).endswith("UTC]")


async def test_a_frame_of_polars_has_the_same_and_of_nothing_the_same_columns(make_chat: MakeChat) -> None:
    chat = make_chat()
    empty = chat.to_dataframe("polars").schema
    assert list(empty) == list(chat.to_dataframe().columns)
    fill(chat, replace(message(1), reply=Reply((TextContent("yes"),), "ada", NOW, mine=False)), message(2))
    frame = chat.to_dataframe("polars")
    assert frame.schema == empty
    assert frame["reply"].to_list() == ["yes", None]
    assert frame["created_at"].to_list() == [item.created_at for item in chat.messages]
    with pytest.raises(ConfigError, match="pandas or polars, not of 'dask'"):
        chat.to_dataframe("dask")
