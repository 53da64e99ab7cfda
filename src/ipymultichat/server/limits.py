"""How much one embedded server takes on. Every bound of the server stands here."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, fields

from ipymultichat.errors import ConfigError

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True)
class Limits:
    """Bounds that keep clients and agents from using up the process, or its time.

    Of connections, of people and of bytes on their way in, one remote address may have three quarters (an IPv6 network
    of 64 bits counts as one address), so that the rest stays for others; many people behind one address still fit.

    Attributes:
        max_connections: connections at once (default 896, which leaves 128 of the usual 1,024 descriptors to the rest
            of the process). With all in use, new ones wait to be accepted.
        max_strangers: of these, connections that have neither logged in nor called with an accepted token (default
            128). One more ends the oldest of the address that has the most.
        login_seconds: time a stranger has (default 10); a body gets a second more for every `min_bytes_per_second`.
        min_bytes_per_second: how quickly a body has to come (default 16 KiB).
        max_clients: people logged in at once (default 256); one more is refused at its login and closed with 1013.
        max_pending: requests waiting at once per token (default 500); one more gets `resource_exhausted` (429).
        max_calls_per_second: requests per second and token in the long run (default 50), those that join what waits or
            fetch its answer included; more get `resource_exhausted` (429) with the header `Retry-After`.
        max_calls_at_once: the same at once, after there were fewer (default 500).
        max_waiting: bytes of the requests that wait per token (default 48 MiB, below what clients read as one frame).
        max_waiting_in_all: the same of all tokens (default 256 MiB); more than either gets `resource_exhausted` (429).
        max_body: bytes of an agent's request (default 24 MiB); a larger one gets `resource_exhausted` (413).
        max_json: the same for requests in JSON (default 256 KiB), which take much longer to read.
        max_frame: bytes of a client's websocket message (default 32 MiB); a larger one closes the socket with 1009.
        max_login_frame: the same before the login (default 16 KiB).
        max_incoming: bytes of frames and bodies that have come in part (default 256 MiB, in all). A body beyond that
            gets `resource_exhausted` (429), a frame closes its socket with 1013. Those of at most 64 KiB do not count.
        max_fields: fields of one message, counted before it is read (default 10,000); more close the socket with 1009,
            or get `invalid_argument` (400).
        max_name: bytes of a nickname, a request's id, or the name of an agent, a model or a client (default 1 KiB). A
            longer nickname is refused at the login, the others get `invalid_argument` (400).
        max_directory: bytes of a project directory's name (default 4 KiB), as for names.
        max_token: bytes of a token (default 4 KiB); a longer one is not accepted.
        max_chat: bytes of a chat text (default 1 MiB); a longer one closes its sender's socket with 1009.
        max_kept: bytes of answered requests that are kept for agents who ask again (default 16 MiB in memory, 1 GiB
            elsewhere); the oldest go first.
        max_queue: bytes waiting to be sent to one client (default 64 MiB). A client that reads so slowly that more
            would wait is disconnected without a close frame; nothing is ever dropped from a queue, and other clients
            never wait for a slow one. A single message larger than this still goes out when nothing else waits.
    """

    max_connections: int = 896
    max_strangers: int = 128
    login_seconds: float = 10
    min_bytes_per_second: int = 16 * KIB
    max_clients: int = 256
    max_pending: int = 500
    max_calls_per_second: int = 50
    max_calls_at_once: int = 500
    max_waiting: int = 48 * MIB
    max_waiting_in_all: int = 256 * MIB
    max_body: int = 24 * MIB
    max_json: int = 256 * KIB
    max_frame: int = 32 * MIB
    max_login_frame: int = 16 * KIB
    max_incoming: int = 256 * MIB
    max_fields: int = 10_000
    max_name: int = KIB
    max_directory: int = 4 * KIB
    max_token: int = 4 * KIB
    max_chat: int = MIB
    max_kept: int = 16 * MIB
    max_queue: int = 64 * MIB

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "login_seconds":
                if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
                    raise ConfigError(f"login_seconds must be a number above 0, not {value!r}", value=value)
            elif isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigError(f"{item.name} must be a whole number of at least 1, not {value!r}", value=value)


def share(places: int) -> int:
    """Return how many of so many places one remote address may have."""
    return -(-3 * places // 4)


def address_key(host: str) -> str:
    """Return what counts as one remote address: the address itself, or the first 64 bits of an IPv6 one."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 4:
        return host
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))
