"""How much one embedded server takes on."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ipymultichat.errors import ConfigError

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Bounds that keep one client or agent from using up the process.

    Attributes:
        max_clients: websockets open at once, logged in or not (default 256); one more is closed with 1013.
        max_pending: requests waiting at once per token (default 1000); one more gets `resource_exhausted` (429).
        max_body: bytes of an agent's request (default 24 MiB); a larger one gets `resource_exhausted` (413).
        max_frame: bytes of a client's websocket message (default 32 MiB); a larger one closes the socket with 1009.
        max_queue: bytes waiting to be sent to one client (default 64 MiB). A client that reads so slowly that more
            would wait is disconnected without a close frame; nothing is ever dropped from a queue, and other clients
            never wait for a slow one. A single message larger than this still goes out when nothing else waits.
    """

    max_clients: int = 256
    max_pending: int = 1000
    max_body: int = 24 * MIB
    max_frame: int = 32 * MIB
    max_queue: int = 64 * MIB

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigError(f"{item.name} must be a whole number of at least 1, not {value!r}", value=value)
