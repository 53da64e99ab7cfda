"""The log as people read it, in memory and beyond."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from inboxes import MakeChat, hub_of

from ipymultichat.errors import UnknownMessageError
from ipymultichat.hub import Chat
from ipymultichat.inbox import Inbox
from ipymultichat.model import ImageContent, Message, MessageKind, MessageStatus, Reply, TextContent
from ipymultichat.model.forms import from_json

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


async def test_the_data_frame_has_a_row_for_each_with_the_answer_in_columns(make_chat: MakeChat) -> None:
    chat = make_chat()
    fill(chat, replace(message(1), reply=Reply((TextContent("yes"),), "ada", NOW, mine=False)), message(2))
    frame = chat.to_dataframe()
    assert (frame.loc[0, "reply"], frame["reply"].isna().tolist()) == ("yes", [False, True])
    assert list(frame["server_name"]) == ["S", "S"]
    assert str(frame["created_at"].dtype).endswith("UTC]")
