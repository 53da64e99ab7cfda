"""What an inbox hands out: ordinary lists, tuples and dicts that show themselves as tables.

Their `repr` is a table for a terminal; a notebook shows one in HTML.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ipymultichat.model import Message, OnlineUser, ServerConfig, ServerStatus
from ipymultichat.model.display import MESSAGE_COLUMNS, ROWS, Table, local_time, message_row

if TYPE_CHECKING:
    from ipymultichat.hub.subscriptions import Rule


class _Shown:
    """Shows `_table`."""

    def _table(self) -> Table:
        raise NotImplementedError

    def __repr__(self) -> str:
        return self._table().text()

    def _repr_html_(self) -> str:
        return self._table().html()


def message_table(newest: list[Message], total: int) -> Table:
    """The table of the newest messages of a list of so many."""
    return Table(MESSAGE_COLUMNS, map(message_row, newest), total=total, newest=True, empty="no messages")


class MessageList(_Shown, list[Message]):
    """Messages, oldest first."""

    def _table(self) -> Table:
        return message_table(self[-ROWS:], len(self))


class RuleList(_Shown, list["Rule"]):
    """Handlers, in the order in which they were registered."""

    def _table(self) -> Table:
        rows = [
            (rule.name, "yes" if rule.paused else "", f"{rule.matched:,}", rule.wanted or "every message")
            for rule in self[:ROWS]
        ]
        return Table(("rule", "paused", "matched", "conditions"), rows, total=len(self), empty="no rules")


class UserTuple(_Shown, tuple[OnlineUser, ...]):
    """People online."""

    __slots__ = ()

    def _table(self) -> Table:
        rows = [(user.title, local_time(user.connected_at)) for user in self[:ROWS]]
        return Table(("person", "online since"), rows, total=len(self), empty="nobody else is online")


class ServerTuple(_Shown, tuple[ServerConfig, ...]):
    """The server list."""

    __slots__ = ()

    def _table(self) -> Table:
        rows = [(config.label, "on" if config.enabled else "off", config.id, config.url) for config in self[:ROWS]]
        return Table(("server", "use", "id", "address"), rows, total=len(self), empty="no servers yet: add_server(url)")


class StatusDict(_Shown, dict[str, ServerStatus]):
    """The status of every server, by its id.

    Args:
        servers: the server list.
        statuses: what is known; a server that is not in it was never tried.
    """

    def __init__(self, servers: Iterable[ServerConfig], statuses: dict[str, ServerStatus]) -> None:
        super().__init__((config.id, statuses.get(config.id, ServerStatus())) for config in servers)
        self._labels = {config.id: config.label for config in servers}

    def _table(self) -> Table:
        rows = [
            (self._labels[key], status.state, local_time(status.connected_at or status.retry_at), _words(status))
            for key, status in list(self.items())[:ROWS]
        ]
        return Table(
            ("server", "state", "since, or next try", "what it says"), rows, total=len(self), empty="no servers yet"
        )


def _words(status: ServerStatus) -> str:
    return " · ".join(filter(None, (status.error, status.notice)))
