"""Which connections should exist: compared with the server list, then made so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from ipymultichat.model import Secret, ServerConfig, ServerStatus
from ipymultichat.net.link import Link, LinkSettings
from ipymultichat.net.pauses import PauseDetector
from ipymultichat.session.events import SessionEvent

logger: logging.Logger = logging.getLogger("ipymultichat.net")


class Pool:
    """The links of one inbox; every method runs on its event loop.

    Args:
        credentials: returns token and nickname for a login at a server's address.
        on_event: called with the server's id and what its session reports.
        on_status: called with the server's id and its new status.
        on_pause: called with words for the person when a pause of this machine cost connections, once they stand again.
        settings: times of the links.
        remedy: what to add to the status after the loop was blocked.
    """

    def __init__(
        self,
        *,
        credentials: Callable[[str], tuple[Secret, str]],
        on_event: Callable[[str, SessionEvent], None],
        on_status: Callable[[str, ServerStatus], None],
        settings: LinkSettings,
        on_pause: Callable[[str], None] = lambda _words: None,
        remedy: str = "",
    ) -> None:
        self._credentials = credentials
        self._on_event = on_event
        self._on_status = on_status
        self._settings = settings
        self._on_pause = on_pause
        self._remedy = remedy
        self._links: dict[str, Link] = {}
        self._stopping: set[asyncio.Future[None]] = set()
        self._pauses = PauseDetector(self._on_gap)

    def reconcile(self, wanted: Iterable[ServerConfig]) -> None:
        """Make the links fit: start what is missing, restart what has another address or token, stop the rest."""
        configs = {config.id: config for config in wanted}
        for server_id in [key for key in self._links if key not in configs]:
            self._stop(server_id, "the server was switched off or removed")
        for server_id, config in configs.items():
            link = self._links.get(server_id)
            if link is None:
                self._start(config)
            elif (link.config.url, link.config.token) != (config.url, config.token):
                link.restart(config)
            else:
                link.config = config

    def restart_all(self) -> None:
        """Drop every connection and log in anew, as after a change of the token."""
        for link in self._links.values():
            link.restart(link.config)

    def retry_now(self, server_id: str | None = None) -> None:
        """Skip the wait of one server, or of all."""
        for link in self._chosen(server_id):
            link.retry_now()

    def rename(self, nickname: str) -> None:
        """Tell every server the new nickname."""
        for link in self._links.values():
            link.rename(nickname)

    def link(self, server_id: str) -> Link | None:
        """The link of one server, or None."""
        return self._links.get(server_id)

    def first_outcomes(self) -> list[asyncio.Future[None]]:
        """Futures that end once each server is connected and in step, or has failed its first try."""
        return [asyncio.wrap_future(link.first_outcome) for link in self._links.values()]

    async def close(self) -> None:
        """Stop everything; returns when all sockets are closed."""
        self._pauses.stop()
        for server_id in list(self._links):
            self._stop(server_id, "the inbox was closed")
        await self.stopped()

    async def stopped(self) -> None:
        """Return when every socket that is being closed is closed."""
        while self._stopping:
            await asyncio.wait(self._stopping)

    def _chosen(self, server_id: str | None) -> list[Link]:
        return [link for key, link in self._links.items() if server_id in (None, key)]

    def _start(self, config: ServerConfig) -> None:
        server_id = config.id
        self._links[server_id] = Link(
            config,
            credentials=lambda: self._credentials(self._links[server_id].config.url),
            on_event=self._on_event,
            on_status=lambda status: self._on_status(server_id, status),
            settings=self._settings,
            on_pause=lambda words: self._on_pause(f"connections broke and were made anew: {words}"),
        )

    def _stop(self, server_id: str, reason: str) -> None:
        link = self._links.pop(server_id)
        link.retire(reason)
        stopping = asyncio.ensure_future(link.ended())
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)

    def _on_gap(self, seconds: float, slept: bool) -> None:
        cause = "the machine slept" if slept else "the kernel was busy"
        remedy = f"; {self._remedy}" if self._remedy and not slept else ""
        logger.info("%s for %.0f s: checking every connection", cause, seconds)
        for link in self._links.values():
            link.note_pause(f"{cause} for {seconds:.0f} s{remedy}")
