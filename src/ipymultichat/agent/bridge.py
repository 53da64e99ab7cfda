"""Takes the questions of tools to the people of any server of the protocol; see `ipymultichat.mcp.port`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from ipymultichat.agent.client import AgentClient
from ipymultichat.errors import (
    AgentTimeoutError,
    MultiChatError,
    NoHumanOnlineError,
    NotFoundError,
    RequestCancelledError,
)
from ipymultichat.mcp.port import Asked, Life, Outcome, Status
from ipymultichat.model import Secret

REMEMBERED = 1000
"""Questions that have ended of which the answer can still be had."""

ENDS: dict[type[MultiChatError], Status] = {
    AgentTimeoutError: "timed_out",
    NoHumanOnlineError: "no_humans",
    RequestCancelledError: "cancelled",
}
"""What errors of `AgentClient` mean."""


@dataclass(eq=False)
class BridgeTicket:
    """A question that a call waits for; see `Ticket`."""

    request_id: str
    life: Life
    call: asyncio.Task[Outcome] = field(repr=False)
    attended = True  # servers say nothing of it while they hold a question

    @property
    def settled(self) -> bool:
        """Whether it has ended."""
        return self.call.done()

    async def outcome(self) -> Outcome:
        """Wait for the end of the question."""
        return await asyncio.shield(self.call)

    def detach(self) -> None:
        """Let the question wait on: its call to the server goes on by itself."""

    def leave(self) -> None:
        """Withdraw the question: over a pipe, calls are broken off by clients that cancel them, or when all ends."""
        self.call.cancel()


class Bridge:
    """The port of tools in a process of their own, in front of a server that is elsewhere.

    What it asks is remembered as long as it runs. Who asks may differ from question to question, so that there is one
    `AgentClient` for each.

    Args:
        url: the server, as `AgentClient` takes it.
        token: names the group of people who are asked.

    Raises:
        ConfigError: the address or token cannot be used.
    """

    def __init__(self, url: str, token: str | Secret) -> None:
        self._url = url
        self._token = token
        AgentClient(url, token)  # says what is wrong with them
        self._clients: dict[tuple[str, str, str], AgentClient] = {}
        self._tickets: dict[str, BridgeTicket] = {}
        self._turn = asyncio.Lock()

    async def ask(self, team: str, asked: Asked) -> BridgeTicket:
        """Begin to ask; every agent in front of a bridge is of the one team of its token."""
        del team
        client = await self._client(asked)
        now_ms = int(time.time() * 1000)
        life = Life(now_ms, now_ms + asked.timeout * 1000)
        ticket = BridgeTicket(asked.request_id, life, asyncio.create_task(_made(client, asked)))
        self._tickets[asked.request_id] = ticket
        if len(self._tickets) > REMEMBERED:
            for request_id in [name for name, old in self._tickets.items() if old.call.done()][: REMEMBERED // 10]:
                del self._tickets[request_id]
        return ticket

    async def rejoin(self, team: str, request_id: str) -> BridgeTicket:
        """Wait for a question that was asked before.

        Raises:
            NotFoundError: none was asked with this id since the bridge began.
        """
        del team
        if (ticket := self._tickets.get(request_id)) is None:
            raise NotFoundError(
                f"no question has the id {request_id!r}: it was not asked in this session, or long ago. Ask again if "
                "you still need the answer.",
                name=request_id,
            )
        return ticket

    async def withdraw(self, team: str, request_id: str) -> None:
        """End a question whose answer nobody wants any more."""
        del team
        if (ticket := self._tickets.get(request_id)) is not None:
            ticket.call.cancel()
            await asyncio.wait([ticket.call])  # which withdraws it on the server, within bounds

    async def close(self) -> None:
        """Hang up, as an agent does that goes: servers that keep questions keep them for a while."""
        for client in self._clients.values():
            await client.aclose()
        calls = [ticket.call for ticket in self._tickets.values() if not ticket.call.done()]
        if calls:
            await asyncio.wait(calls)

    async def _client(self, asked: Asked) -> AgentClient:
        name = (asked.agent_name, asked.model_name, asked.client_name)
        async with self._turn:
            if name not in self._clients:
                client = AgentClient(
                    self._url, self._token, agent_name=name[0], model_name=name[1], client_name=name[2]
                )
                self._clients[name] = await client.__aenter__()
            return self._clients[name]


async def _made(client: AgentClient, asked: Asked) -> Outcome:
    """Make a call, and return how it ended."""
    directory, name = asked.project_directory or None, asked.request_id
    try:
        if asked.kind == "WorkReport":
            answer = await client.work_report(
                asked.text, timeout=asked.timeout, project_directory=directory, request_id=name
            )
        else:
            answer = await client.ask_question(
                asked.text,
                questions=asked.questions,
                approval=asked.approval,
                timeout=asked.timeout,
                project_directory=directory,
                request_id=name,
            )
    except MultiChatError as error:
        fitting = (status for kind, status in ENDS.items() if isinstance(error, kind))
        status: Status = next(fitting, "refused")
        return Outcome(status, asked.request_id, reason=str(error))
    except asyncio.CancelledError:
        return Outcome("cancelled", asked.request_id)  # withdrawn
    return Outcome("answered", asked.request_id, answer.contents)
