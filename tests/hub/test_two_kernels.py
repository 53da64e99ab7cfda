"""Settings that one kernel changes while another one runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inboxes import MakeChat
from waiting import until

from ipymultichat.server import LocalServer
from ipymultichat.store import config_path

PROFILE = "shared"


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch, make_chat: MakeChat) -> Any:
    monkeypatch.setattr("ipymultichat.store.config.LOOK_SECONDS", 0.02)
    return [make_chat(servers=None, token=None, nickname=None, profile=PROFILE, io="thread") for _ in range(2)]


async def test_a_server_added_in_one_is_connected_in_the_other(kernels: Any, work: LocalServer) -> None:
    here, there = kernels
    here.set_token("tok")
    there.reconnect()
    here.add_server(work.url, "Work")
    await until(lambda: there.connected_count == 1)
    here.update_server("Work", name="Office")
    await until(lambda: [config.label for config in there.servers] == ["Office"])
    here.remove_server("Office")
    await until(lambda: there.servers == () and there.statuses == {})


async def test_nickname_preferences_and_retention_follow(kernels: Any) -> None:
    here, there = kernels
    here.set_nickname("grace")
    here.set_preferences(prefix="Hello.")
    here.set_retention(days=30)
    await until(lambda: there.nickname == "grace")
    await until(lambda: there.preferences.prefix == "Hello." and there.retention.days == 30)


async def test_a_file_that_is_half_written_changes_nothing_and_is_left_alone(kernels: Any, tmp_path: Path) -> None:
    here, there = kernels
    here.set_nickname("grace")
    await until(lambda: there.nickname == "grace")
    path = config_path(PROFILE)
    path.write_text('{"nickname": "al')
    await until(lambda: any("cannot be read" in notice for notice in there.notices))
    assert (there.nickname, path.read_text()) == ("grace", '{"nickname": "al')
    path.write_text('{"nickname": "alan"}')
    await until(lambda: there.nickname == "alan")


async def test_what_a_cell_gave_is_not_changed_by_another_kernel(
    kernels: Any, work: LocalServer, make_chat: MakeChat
) -> None:
    here, _ = kernels
    own = make_chat(work.url, token=None, nickname="mine", profile=PROFILE, io="thread")
    here.set_nickname("grace")
    here.add_server("ws://elsewhere.example:1")
    here.set_preferences(suffix="Bye.")
    await until(lambda: own.preferences.suffix == "Bye.")
    assert (own.nickname, [config.url for config in own.servers]) == ("mine", [work.url])
