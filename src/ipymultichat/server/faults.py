"""Where a server can be made to err."""

from __future__ import annotations

from typing import Literal

from ipymultichat.server.effects import Client, Effect, Send
from ipymultichat.server.state import ServerState

Room = Literal["queue", "lose", "cut off"]
"""What becomes of a message for a client: it waits its turn, is lost without a word, or ends the connection."""


class Faults:
    """What comes between the state's decisions and their being carried out: here nothing, this server is honest.

    Other servers of the protocol are not. A test of clients puts a subclass into `LocalServer.faults`, one for each
    server, before the server starts. Everything is called on the server's event loop and may not raise.
    """

    def receive(self, state: ServerState, client: Client, frame: bytes) -> list[Effect]:
        """Let the state handle a client's frame, or say instead what happens."""
        return state.receive(client, frame)

    def distort(self, state: ServerState, effects: list[Effect]) -> list[Effect]:
        """Return what is carried out of what was decided, whatever it was that gave rise to it."""
        del state
        return effects

    def room(self, message: Send, waiting: int) -> Room:
        """Say what becomes of a message for a client that has so many frames waiting."""
        del message, waiting
        return "queue"
