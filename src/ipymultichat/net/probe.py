"""Tries an address: one connection and one login, beside whatever else is connected."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from ipymultichat.model import Secret
from ipymultichat.net.connection import ConnectFailedError, Connection
from ipymultichat.session import Session
from ipymultichat.session.events import LoggedIn, LoginFailed

TIMEOUT = 5.0
"""Seconds the whole try may take."""


async def try_login(url: str, token: Secret, nickname: str, *, timeout: float = TIMEOUT) -> str:
    """Connect, log in and leave again.

    Args:
        url: a normalized server address.
        token: names the group to log in to.
        nickname: what others see for that moment.
        timeout: seconds for connecting, and again for the answer to the login.

    Returns:
        "" when the login was accepted, else the reason in words.
    """
    try:
        connection = await Connection.open(url, timeout=timeout, keepalive=timeout)
    except ConnectFailedError as error:
        return str(error)
    outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    session = Session()

    def on_frame(frame: bytes | str) -> Iterator[None] | None:
        slices = session.receive(frame, 0.0)
        for event in session.take_events():
            if isinstance(event, (LoggedIn, LoginFailed)) and not outcome.done():
                outcome.set_result(event.reason if isinstance(event, LoginFailed) else "")
        return slices

    session.connected(token, nickname, 0.0)
    connection.send(session.take_frames())
    reading = asyncio.ensure_future(connection.read(on_frame))
    try:
        await asyncio.wait({outcome, reading}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if outcome.done():
            return outcome.result()
        if reading.done():
            return reading.result()
        return f"the server did not answer the login within {timeout:g} s"
    finally:
        reading.cancel()
        await connection.close()
