"""What a server says of itself at `/health`: others of the protocol say `OK`, nothing, or anything at all."""

from __future__ import annotations

import json
from dataclasses import dataclass

import anyio
import httpx

from ipymultichat.agent.transport import exchange
from ipymultichat.errors import AgentError

HEALTH_SECONDS = 10
"""Seconds in which a server says what it can, before it is asked anything else."""

MAX_HEALTH = 16 * 2**10
"""Bytes of what it says at most."""


@dataclass(frozen=True)
class Abilities:
    """What a server can do beyond the protocol.

    Attributes:
        durable: a call with the same id and content joins the question that waits, or gets its recorded answer.
        withdraw: a question that waits can be withdrawn by its id.
    """

    durable: bool = False
    withdraw: bool = False


class Health:
    """What one server said of itself, once it did; the calls of a client share it.

    Attributes:
        known: what it said; None until then.
    """

    def __init__(self) -> None:
        self.known: Abilities | None = None
        self._turn = anyio.Lock()

    async def learn(self, http: httpx.AsyncClient, base: str) -> None:
        """Ask the server, unless it has said so meanwhile; where it does not say it in time, the next call asks again.

        Args:
            http: what sends it.
            base: the server's address.
        """
        with anyio.move_on_after(HEALTH_SECONDS):
            async with self._turn:  # of calls side by side, one asks
                if self.known is None:
                    self.known = await _ask(http, base)


async def _ask(http: httpx.AsyncClient, base: str) -> Abilities | None:
    # A connection of its own: what an odd server does to it must not meet the question.
    headers = {"accept": "application/json", "connection": "close"}
    try:
        response, content = await exchange(http, "GET", base, "/health", headers=headers, limit=MAX_HEALTH)
        said = json.loads(content) if response.status_code == 200 else None
    except (AgentError, ValueError, RuntimeError):  # no answer; no JSON; nested too deeply, or the client was closed
        return None
    if not isinstance(said, dict):
        return None
    return Abilities(durable=said.get("durable") is True, withdraw=said.get("withdraw") is True)
