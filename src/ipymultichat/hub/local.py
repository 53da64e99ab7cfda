"""A chat server of one's own, for as long as the inbox is open."""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ipymultichat.errors import ConfigError, ServerStartError
from ipymultichat.model import Secret, ServerConfig

if TYPE_CHECKING:
    from ipymultichat.server import LocalServer

LOCAL_ID, LOCAL_LABEL, LOCAL_PORT = "local", "Local", 2000
"""How it stands in the server list, and the protocol's usual port, which it takes where that is free."""


@dataclass(frozen=True)
class OwnServer:
    """A running server with a token that nobody else has.

    Attributes:
        server: the server.
        token: the only one it accepts.
        token_file: where agents of the same person read the token.
    """

    server: LocalServer
    token: Secret
    token_file: Path

    async def stop(self) -> None:
        """Stop it, and remove the file."""
        await asyncio.gather(self.server.stop(), asyncio.to_thread(self.token_file.unlink, missing_ok=True))


async def start_own_server(listed: Iterable[ServerConfig]) -> OwnServer:
    """Start a server on this machine, on the running event loop.

    Args:
        listed: the server list; an address in it is somebody else's, and not taken.

    Raises:
        ConfigError: the `server` extra is not installed; the text names the remedy.
        ServerStartError: it cannot listen.
    """
    try:
        from ipymultichat.server import LocalServer
    except ImportError as error:
        raise ConfigError('a local server needs more packages: pip install "ipymultichat[server]"') from error
    token = Secret(secrets.token_urlsafe(24))
    usual = LocalServer(port=LOCAL_PORT, token=token)
    server = LocalServer(token=token)
    if not any(f":{LOCAL_PORT}/" in config.url for config in listed):
        try:
            server = await usual.start()
        except ServerStartError:
            await server.start()
    else:
        await server.start()
    try:
        return OwnServer(server, token, await asyncio.to_thread(_write, token))
    except OSError as error:
        await server.stop()
        raise ConfigError(f"the token of a local server cannot be kept for its agents: {error.strerror}") from error


def _write(token: Secret) -> Path:
    """Write a file that only this person can read (mode 0600)."""
    handle, name = tempfile.mkstemp(prefix="ipymultichat-", suffix=".token")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(token.reveal())
    return Path(name)
