"""Who holds an inbox, and when it closes."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from inboxes import MakeChat
from waiting import until

from ipymultichat.errors import ClosedError, ConfigError
from ipymultichat.hub import Chat
from ipymultichat.server import LocalServer

PROFILE = "joined"


@pytest.fixture
def join() -> Iterator[Callable[..., Chat]]:
    """Makes inboxes of one profile in this process."""
    made: list[Chat] = []

    def make(*servers: str, **options: object) -> Chat:
        given: dict[str, Any] = {"token": "tok", "nickname": "me", "profile": PROFILE, "autoconnect": False, **options}
        made.append(Chat(list(servers) or None, **given))
        return made[-1]

    yield make
    for chat in made:
        chat.close()


@pytest.mark.parametrize("bad", [{"servers": ["nonsense"]}, {"token": ""}, {"nickname": ""}, {"io": "magic"}])
async def test_a_join_that_fails_holds_nothing_and_changes_nothing(
    join: Any, work: LocalServer, make_chat: MakeChat, bad: Any
) -> None:
    good = join(work.url)
    await good.connect()
    before = good.servers
    with pytest.raises(ConfigError):
        Chat(**{"profile": PROFILE, **bad})
    assert good.servers == before
    watcher = make_chat(work.url, nickname="watcher")
    await watcher.connect()
    good.close()
    await until(lambda: not watcher.users, seconds=2)


async def test_the_last_holder_closes_and_a_new_one_begins_anew(join: Any, work: LocalServer) -> None:
    one, two = join(work.url), join()
    await one.connect()
    assert two.connected_count == 1
    one.close()
    assert two.connected_count == 1
    with pytest.raises(ClosedError):
        one.reconnect()
    two.close()
    assert join(work.url).connected_count == 0


async def test_an_inbox_that_nobody_refers_to_any_more_lets_its_connections_go(
    work: LocalServer, make_chat: MakeChat
) -> None:
    watcher = make_chat(work.url, nickname="watcher")
    forgotten = Chat([work.url], token="tok", nickname="forgotten", profile=":memory:")
    await forgotten.connect()
    await watcher.connect()
    await until(lambda: watcher.users)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del forgotten
        gc.collect()
        await until(lambda: not watcher.users, seconds=2)
    assert ["never closed" in str(warning.message) for warning in caught] == [True]


async def test_what_a_later_one_gives_is_used_at_once(join: Any, work: LocalServer, home: LocalServer) -> None:
    one = join("ws://127.0.0.1:9")
    two = join(work.url, home.url, nickname="new")
    await two.connect()
    assert (one.connected_count, one.nickname) == (2, "new")
    three = join(work.url, home.url, io="thread")
    assert any("io='kernel' already" in notice for notice in three.notices)
