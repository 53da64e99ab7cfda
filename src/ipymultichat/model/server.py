"""What is known of one server: where it is, and how its connection stands."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import SplitResult, urlsplit, urlunsplit

from ipymultichat.errors import ConfigError
from ipymultichat.model.identity import Secret, token_of
from ipymultichat.model.life import Word

_DEFAULT_PORTS = {"ws": 80, "wss": 443}
_EXAMPLE = "ws://localhost:2000"
_FIELDS = ("id", "name", "url", "enabled", "isEnabled", "token")
_THIS_MACHINE = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:[^/]*)?(/|$)", re.IGNORECASE)
MAX_LABEL = 64


class ConnectionState(Word):
    """Where one server's connection stands."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    ERROR = "error"
    DISCONNECTED = "disconnected"


def normalize_url(url: object) -> str:
    """Return a server's address in its full form.

    Args:
        url: `ws://HOST[:PORT][/PATH]` or `wss://…`. No path means `/ws`, as the servers have it. On this machine
            `localhost:2000` will do.

    Raises:
        ConfigError: naming the address, what is wrong with it and what to write instead.
    """
    if not isinstance(url, str):
        raise ConfigError(f"a server address is a string such as {_EXAMPLE!r}, not {url!r}", value=url)
    text = url.strip()
    # Elsewhere it would be a guess whether the way is encrypted, and the token goes that way.
    parts = _split(f"ws://{text}" if _THIS_MACHINE.match(text) else text)
    scheme = parts.scheme.lower()
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = "" if parts.port in (None, _DEFAULT_PORTS[scheme]) else f":{parts.port}"
    path = "/ws" if parts.path in ("", "/") else parts.path
    return urlunsplit((scheme, f"{host}{port}", path, parts.query, ""))


def _split(text: str) -> SplitResult:
    def bad(reason: str) -> ConfigError:
        return ConfigError(f"{_redacted(text)!r} is no server address: {reason}", value=_redacted(text))

    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise bad(f"{error}; write it like {_EXAMPLE}") from None
    scheme = parts.scheme.lower()
    if scheme in ("http", "https"):
        remedy = text.replace(parts.scheme + ":", "ws:" if scheme == "http" else "wss:", 1)
        raise bad(f"chat servers speak websocket, write {_redacted(remedy)}")
    if scheme not in _DEFAULT_PORTS or not text.lower().startswith(f"{scheme}://"):
        raise bad(f"it must start with ws:// or wss://, like {_EXAMPLE}")
    if any(ch.isspace() or not ch.isprintable() for ch in text):
        raise bad(f"it holds a blank or a control character; write it like {_EXAMPLE}")
    if parts.username is not None or parts.password is not None:
        raise bad("leave out the user name and password, addresses are shown and saved in the notebook")
    if not parts.hostname:
        raise bad(f"the host is missing, write it like {_EXAMPLE}")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port is not None and not 1 <= port <= 65535:
        raise bad(f"the port must be a number from 1 to 65535, like {_EXAMPLE}")
    if parts.fragment:
        raise bad("leave out everything from '#' on")
    return parts


def _redacted(text: str) -> str:
    """Cut `user:password@` out of an address that is about to be shown in an error."""
    head, slashes, rest = text.partition("://")
    authority, slash, path = rest.partition("/")
    return f"{head}{slashes}{authority.rpartition('@')[2]}{slash}{path}"


@dataclass(frozen=True)
class ServerConfig:
    """One entry of the server list.

    Attributes:
        id: stable key of the entry; made from the address when empty, so that messages kept on disk find their server
            again in another kernel.
        name: alias shown to the person; may be empty.
        url: full address (`ws://host:port/ws`), normalized on construction.
        enabled: whether a connection should exist.
        token: its own token, which goes to this server alone, in place of the inbox's one; None: it has none.

    Raises:
        ConfigError: on an address, name or token that cannot be used.
    """

    id: str
    name: str
    url: str
    enabled: bool = True
    token: Secret | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or len(self.name.strip()) > MAX_LABEL or not self.name.isprintable():
            raise ConfigError(
                f"a server's name is at most {MAX_LABEL} printable characters, not {self.name!r}", value=self.name
            )
        object.__setattr__(self, "name", self.name.strip())
        object.__setattr__(self, "url", normalize_url(self.url))
        object.__setattr__(self, "id", self.id or uuid.uuid5(uuid.NAMESPACE_URL, self.url).hex[:12])
        object.__setattr__(self, "enabled", bool(self.enabled))
        object.__setattr__(self, "token", token_of(self.token) if self.token else None)

    @property
    def label(self) -> str:
        """What the person sees: the alias, else `host:port`."""
        return self.name or urlsplit(self.url).netloc

    def changed(self, **changes: object) -> ServerConfig:
        """Return this entry with some fields changed; None leaves one as it is.

        Raises:
            ConfigError: a value cannot be used.
        """
        return replace(self, **{name: value for name, value in changes.items() if value is not None})  # type: ignore[arg-type]

    def with_free_id(self, servers: Iterable[ServerConfig]) -> ServerConfig:
        """Return this entry with an id that no other address has: one that moved keeps the id of its first address."""
        taken = any(self.id == other.id and self.url != other.url for other in servers)
        return replace(self, id=uuid.uuid4().hex[:12]) if taken else self


def server_config(value: object) -> ServerConfig:
    """Make a `ServerConfig` from what a person may write in the server list.

    Args:
        value: an address, a mapping with `url` and optionally `name`, `enabled` (or `isEnabled`, as the protocol's
            desktop client writes it), `token` and `id`, or a `ServerConfig`.

    Raises:
        ConfigError: naming the entry and the remedy.
    """
    if isinstance(value, ServerConfig):
        return value
    if isinstance(value, str):
        return ServerConfig(id="", name="", url=value)
    if not isinstance(value, Mapping):
        raise ConfigError(
            f"a server is an address such as {_EXAMPLE!r}, a dict with 'url', or a ServerConfig, not {value!r}",
            value=value,
        )
    unknown = sorted(str(key) for key in value if key not in _FIELDS)
    if unknown:
        raise ConfigError(
            f"unknown key {unknown[0]!r} in a server entry; known are {', '.join(_FIELDS)}", value=unknown
        )
    if "url" not in value:
        raise ConfigError(f"a server entry needs 'url', such as {_EXAMPLE!r}", value=None)
    return ServerConfig(
        id=str(value.get("id", "")),
        name=value.get("name", "") or "",
        url=value["url"],
        enabled=value.get("enabled", value.get("isEnabled", True)),
        token=value.get("token"),
    )


@dataclass(frozen=True)
class ServerStatus:
    """How one server's connection stands.

    Attributes:
        state: one of `ConnectionState`; compares equal to its plain string.
        error: the last trouble in plain words, or "" (kept while connecting again, cleared by a login).
        attempt: tries since the last login; 0 when connected or never tried.
        retry_at: when the next try starts (aware UTC), or None.
        connected_at: since when the login stands (aware UTC), or None.
        notice: what the server says about itself while it holds, as that its database cannot be reached, or "".
    """

    state: ConnectionState = ConnectionState.DISCONNECTED
    error: str = ""
    attempt: int = 0
    retry_at: datetime | None = None
    connected_at: datetime | None = None
    notice: str = ""


@dataclass(frozen=True)
class OnlineUser:
    """A person connected to one server with our token.

    Attributes:
        client_id: this connection's id on its server; a person who reconnects gets another.
        nickname: the name they gave; not unique.
        server_id: the server they are on.
        server_name: that server's label.
        connected_at: since when (aware UTC), or None where the server did not say.
    """

    client_id: str
    nickname: str
    server_id: str
    server_name: str
    connected_at: datetime | None = None

    @property
    def title(self) -> str:
        """`nickname@server`, as the widget shows it and `chat.send` takes it."""
        return f"{self.nickname}@{self.server_name}"
