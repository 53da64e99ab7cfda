"""A chat server of one's own, started from the widget."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from ipymultichat.errors import ConfigError, ServerStartError
from ipymultichat.hub import Hub

LABEL = "Local"
PORT = 2000
"""The protocol's usual port, so that the address in the server list still fits after a restart."""

_running: WeakKeyDictionary[Hub, object] = WeakKeyDictionary()


async def start_local(hub: Hub) -> str:
    """Start a server on this machine, on the hub's loop, and put it into the list; it stops when the hub closes.

    Returns:
        Its address.

    Raises:
        ConfigError: it runs already, or the `[server]` extra is not installed; with the remedy.
        ServerStartError: it cannot listen.
    """
    if hub in _running:
        raise ConfigError("a local server of this inbox runs already")
    try:
        from ipymultichat.server import LocalServer
    except ImportError as error:
        raise ConfigError('a local server needs more packages: pip install "ipymultichat[server]"') from error
    try:
        server = await LocalServer(port=PORT).start()
    except ServerStartError:
        server = await LocalServer().start()
    _running[hub] = server
    hub.at_close(server.stop)
    if any(config.url == server.url for config in hub.servers):
        hub.reconnect()
    else:
        hub.add_server({"url": server.url, "name": "" if LABEL in {c.label for c in hub.servers} else LABEL})
    return server.url
