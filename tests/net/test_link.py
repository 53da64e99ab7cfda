"""A link in the hands of its pool: commands that come at bad moments."""

from collections.abc import AsyncIterator, Callable

import pytest
from frames import login
from people import QUICK
from proxy import Proxy
from waiting import left_over, until

from ipymultichat.model import Secret, ServerConfig, ServerStatus
from ipymultichat.net import Link
from ipymultichat.server import LocalServer
from ipymultichat.session.events import SessionEvent


class Watched(Link):
    """A link, with what it reported."""

    statuses: list[ServerStatus]
    events: list[SessionEvent]


MakeLink = Callable[[str], Watched]


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    async with LocalServer() as server, Proxy(server.url) as running:
        yield running


@pytest.fixture
async def make_link() -> AsyncIterator[MakeLink]:
    made: list[Watched] = []
    statuses: list[ServerStatus] = []
    events: list[SessionEvent] = []

    def make(url: str) -> Watched:
        link = Watched(
            ServerConfig("s", "Work", url),
            credentials=lambda: (Secret("tok"), "me"),
            on_event=lambda _server_id, event: events.append(event),
            on_status=statuses.append,
            settings=QUICK,
        )
        link.statuses, link.events = statuses, events
        made.append(link)
        return link

    yield make
    for link in made:
        link.retire("the test is over")
        await link.ended()


async def test_a_retired_link_reports_nothing_more_not_even_what_its_socket_still_brings(
    make_link: MakeLink, proxy: Proxy
) -> None:
    link = make_link(proxy.url)
    proxy.stalled = True
    await until(lambda: proxy.accepted)
    link.retire("removed")
    assert link.statuses[-1].state == "disconnected"
    said = len(link.statuses), len(link.events)
    link.session.connected(Secret("tok"), "me", 0.0)
    link._on_frame(login())
    link.note_pause("the machine slept for 1 s")
    await link.ended()
    assert (len(link.statuses), len(link.events)) == said


async def test_a_link_retired_in_the_moment_it_is_woken_ends(make_link: MakeLink, proxy: Proxy) -> None:
    proxy.refusing = True
    link = make_link(proxy.url)
    await until(lambda: link.status.state == "error")
    link.retry_now()
    link.retire("removed")
    await link.ended()
    assert left_over() == []  # nobody is there who could try again


async def test_many_restarts_at_once_end_in_one_connection(make_link: MakeLink, proxy: Proxy) -> None:
    link = make_link(proxy.url)
    await until(lambda: link.status.state == "connected")
    before = len(link.statuses)
    for _ in range(5):
        link.restart(link.config)
    await until(lambda: [str(status.state) for status in link.statuses[before:]][-2:] == ["connecting", "connected"])
    await until(lambda: proxy.connections == 1)


async def test_a_goodbye_that_is_not_answered_does_not_hold_up_the_next_connection(
    make_link: MakeLink, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipymultichat.net.connection.CLOSE_SECONDS", 3600)
    link = make_link(proxy.url)
    await until(lambda: link.status.state == "connected")
    proxy.hole = True
    link.restart(link.config)
    await until(lambda: proxy.swallowed)  # the goodbye of the first connection
    proxy.hole = False
    link.restart(link.config)
    await until(lambda: link.status.state == "connected" and proxy.accepted >= 2)
    assert proxy.connections >= 2  # the first one is still there
    proxy.heal()
