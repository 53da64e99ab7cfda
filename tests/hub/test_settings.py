"""The settings in use: where they come from, and that nobody waits for the disk because of them."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
from filelock import FileLock
from inboxes import MakeChat, hub_of
from waiting import until

from ipymultichat.server import LocalServer
from ipymultichat.store import config as module
from ipymultichat.store import config_path

PROFILE = "kept"


@pytest.fixture
def stored(make_chat: MakeChat) -> Any:
    """Makes inboxes that take everything from the profile."""
    return lambda **options: make_chat(servers=None, token=None, nickname=None, profile=PROFILE, **options)


async def test_a_file_that_another_process_holds_locked_does_not_hold_up_the_reader(
    stored: Any, work: LocalServer, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.05)
    chat = stored()
    chat.set_token("tok")
    chat.add_server(work.url, "Work")
    await chat.connect()
    path = config_path(PROFILE)
    await until(path.exists)
    with FileLock(f"{path}.lock"):
        chat.set_nickname("renamed meanwhile")
        agent = ask(work)
        # The whole way of a question and its answer, while nothing can be written.
        message = await chat.wait_for(timeout=5)
        await chat.reply(message, "yes")
        assert (await agent).text == "yes"
        assert json.loads(path.read_text()).get("nickname") != "renamed meanwhile"
    await until(lambda: json.loads(path.read_text()).get("nickname") == "renamed meanwhile")


async def test_only_the_files_own_thread_reads_and_writes_it(stored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: set[str] = set()
    for name in ("_read", "_write_pending", "_stamp"):
        method = getattr(module.ConfigFile, name)

        def spy(*args: Any, method: Any = method, **options: Any) -> Any:
            threads.add(threading.current_thread().name)
            return method(*args, **options)

        monkeypatch.setattr(module.ConfigFile, name, spy)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    chat = stored()
    threads.clear()  # the constructor reads once, in the cell that calls it
    chat.set_nickname("ada")
    chat.add_server("ws://127.0.0.1:9", "Nine")
    chat.set_preferences(prefix="Hello.")
    chat.set_retention(days=3)
    path = config_path(PROFILE)
    await until(lambda: path.exists() and "history_days" in path.read_text())
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "nickname": "grace"}))
    await until(lambda: chat.nickname == "grace")
    assert threads == {"ipymultichat-config"}


async def test_a_change_made_while_the_file_is_being_read_is_not_undone_by_it(
    stored: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    chat = stored()
    path = config_path(PROFILE)
    path.parent.mkdir(parents=True, exist_ok=True)
    reading, go_on = threading.Event(), threading.Event()
    report = module.ConfigFile._report

    def slow_report(self: Any) -> None:
        reading.set()
        go_on.wait(5)
        report(self)

    monkeypatch.setattr(module.ConfigFile, "_report", slow_report)
    path.write_text(json.dumps({"settings": {"reply_prefix": "theirs"}}))
    assert await asyncio.to_thread(reading.wait, 5)
    chat.set_nickname("mine")
    go_on.set()
    await until(lambda: chat.preferences.prefix == "theirs")
    assert chat.nickname == "mine"


async def test_the_environment_and_the_caller_come_before_the_profile(
    stored: Any, make_chat: MakeChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = stored()
    first.set_token("stored")
    first.set_nickname("stored")
    first.close()
    monkeypatch.setenv("MULTICHAT_TOKEN", "from the environment")
    chat = make_chat(servers=None, token=None, nickname="given", profile=PROFILE)
    values = hub_of(chat).settings.values
    assert (values.token.reveal(), values.nickname) == ("from the environment", "given")
    chat.set_token("another")
    chat.close()
    assert json.loads(config_path(PROFILE).read_text())["token"] == "stored"


async def test_a_change_that_cannot_be_used_changes_nothing(make_chat: MakeChat) -> None:
    chat = make_chat("ws://127.0.0.1:9")
    before = hub_of(chat).settings.values
    for change in (
        lambda: chat.add_server("ws://127.0.0.1:9"),
        lambda: chat.set_nickname(" "),
        lambda: chat.set_token(""),
        lambda: chat.set_preferences(prefix=5),
        lambda: chat.set_retention(days=-1),
    ):
        with pytest.raises(ValueError, match=r"."):
            change()
    assert hub_of(chat).settings.values is before
