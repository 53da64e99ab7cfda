"""Who holds a widget, and for how long: nobody once it is closed, and nobody but its frontend's side before."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import weakref
from typing import Any

import pytest
from ipywidgets.widgets import widget as ipywidgets_module
from waiting import until

from ipymultichat import MultiChat
from ipymultichat.agent import AgentClient
from ipymultichat.server import LocalServer
from ipymultichat.widget import jupyter


async def used(server: LocalServer, **options: Any) -> MultiChat:
    """A widget that has seen a bit of everything: a message, a browser, a handler, an observer."""
    chat = MultiChat([server.url], token="s3cret-token", **options)
    chat.observe(lambda _change: None, "pending_count")
    chat.on_message(kind="chat")(lambda _message: None)
    await chat.connect()
    chat._sync.receive({"type": "sync", "client": "tab"})
    call = asyncio.ensure_future(AgentClient(server.url, "s3cret-token").ask_question("Deploy?"))
    await chat.reply(await chat.wait_for(kind="question", timeout=5), "yes")
    await call
    return chat


def parts(chat: MultiChat) -> list[weakref.ref[Any]]:
    return [weakref.ref(part) for part in (chat, chat._sync, chat._hub, chat._hub.inbox)]


async def gone(references: list[weakref.ref[Any]]) -> None:
    """Wait until all of them are collected: what the loop still has to do may hold them for a moment."""
    await until(lambda: (gc.collect(), not any(reference() for reference in references))[1])


@pytest.mark.parametrize("io", ["kernel", "thread"])
@pytest.mark.parametrize("profile", [":memory:", "default"])
async def test_a_closed_widget_is_freed_with_its_hub_and_its_inbox(server: LocalServer, profile: str, io: str) -> None:
    chat = await used(server, profile=profile, io=io)
    references = parts(chat)
    chat.close()
    del chat
    await gone(references)


async def test_a_closed_widget_is_freed_while_others_use_its_hub(server: LocalServer, make_chat: Any) -> None:
    other = make_chat([server.url], token="s3cret-token", profile="shared")
    chat = await used(server, profile="shared")
    references: list[weakref.ref[Any]] = [weakref.ref(chat), weakref.ref(chat._sync)]
    chat.close()
    del chat
    await gone(references)
    assert not other.closed
    assert [message.text for message in other.messages] == ["Deploy?"]


@pytest.mark.filterwarnings("ignore:a MultiChat of the profile:ResourceWarning")
@pytest.mark.parametrize("profile", [":memory:", "default"])
async def test_only_the_lists_of_what_the_frontend_shows_hold_a_widget_that_was_not_closed(
    server: LocalServer, profile: str
) -> None:
    chat = await used(server, profile=profile)
    references = parts(chat)
    # The one of ipywidgets, and the callback of the comm, which the kernel's list of comms holds: both until `close`.
    del ipywidgets_module._instances[chat.model_id]
    chat.comm.on_msg(None)
    del chat
    await gone(references)


async def test_the_note_of_which_cell_made_it_holds_no_widget(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jupyter, "_running_cell", lambda: ("cell", "first run"))
    chat = await used(server, profile=":memory:")
    references = parts(chat)
    chat.close()
    del chat
    await gone(references)
    monkeypatch.setattr(jupyter, "_running_cell", lambda: ("cell", "second run"))
    second = await used(server, profile=":memory:")
    assert jupyter.replace_earlier(":memory:", second) == []
    monkeypatch.setattr(jupyter, "_running_cell", lambda: ("cell", "third run"))
    third = await used(server, profile=":memory:")
    assert second.closed
    third.close()


def test_a_bundle_that_is_built_again_is_shown_anew_where_that_was_asked_for() -> None:
    code = (
        "from ipymultichat import MultiChat; "
        "chat = MultiChat([], profile=':memory:', autoconnect=False); "
        "MultiChat._esm.changed.emit('export default {}'); "
        "print(chat._esm)"
    )
    environment = {**os.environ, "ANYWIDGET_HMR": "1"}
    shown = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert shown == "export default {}\n"
