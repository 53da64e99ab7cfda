"""Takes the questions of tools to the people of any server of the protocol; see `ipymultichat.mcp.port`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field

from ipymultichat.agent.answer import Answer
from ipymultichat.agent.client import AgentClient
from ipymultichat.errors import (
    AgentError,
    AgentTimeoutError,
    MultiChatError,
    NoHumanOnlineError,
    NotFoundError,
    RequestCancelledError,
    ServerUnreachableError,
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
    call: asyncio.Future[Outcome] = field(repr=False)
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

    What it asks is remembered as long as it runs, and what was asked before is looked for on the server. Who asks may
    differ from question to question, so that there is one `AgentClient` for each.

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
        self._clients: dict[tuple[str, ...], AgentClient] = {}
        self._tickets: dict[str, BridgeTicket] = {}
        self._turn = asyncio.Lock()

    async def ask(self, team: str, asked: Asked) -> BridgeTicket:
        """Begin to ask; every agent in front of a bridge is of the one team of its token."""
        del team
        client = await self._client(asked.agent_name, asked.model_name, asked.client_name)
        life = Life(now := _now_ms(), now + asked.timeout * 1000)
        call = asyncio.create_task(_outcome(asked.request_id, _made(client, asked)))
        return self._remember(BridgeTicket(asked.request_id, life, call))

    async def rejoin(self, team: str, request_id: str) -> BridgeTicket:
        """Wait for a question that was asked before.

        Raises:
            NotFoundError: none was asked with this id, as far as the bridge and the server know.
            ServerUnreachableError: the server cannot be asked.
        """
        del team
        if (ticket := self._tickets.get(request_id)) is not None:
            return ticket
        client = await self._client("", "", "")
        life = Life(now := _now_ms(), now, now)
        call: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        try:
            call.set_result(_answered(request_id, await client.await_answer(request_id, timeout=0)))
        except NotFoundError:
            raise NotFoundError(
                f"no question has the id {request_id!r}: it was not asked in this session, or long ago. Ask again if "
                "you still need the answer.",
                name=request_id,
            ) from None
        except AgentError as error:
            if isinstance(error, ServerUnreachableError):
                raise
            if "ends_ms" in error.meta:
                life = Life(int(error.meta["asked_ms"]), int(error.meta["ends_ms"]))
                call = asyncio.create_task(_outcome(request_id, _awaited(client, request_id, life)))
            else:
                call.set_result(_ended(request_id, error))
        return self._remember(BridgeTicket(request_id, life, call))

    def _remember(self, ticket: BridgeTicket) -> BridgeTicket:
        self._tickets[ticket.request_id] = ticket
        if len(self._tickets) > REMEMBERED:
            for name in [name for name, old in self._tickets.items() if old.call.done()][: REMEMBERED // 10]:
                del self._tickets[name]
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

    async def _client(self, *about: str) -> AgentClient:
        async with self._turn:
            if about not in self._clients:
                agent, model, program = about
                client = AgentClient(self._url, self._token, agent_name=agent, model_name=model, client_name=program)
                self._clients[about] = await client.__aenter__()
            return self._clients[about]


def _now_ms() -> int:
    return int(time.time() * 1000)


async def _made(client: AgentClient, asked: Asked) -> Answer:
    directory, name = asked.project_directory or None, asked.request_id
    if asked.kind == "WorkReport":
        return await client.work_report(asked.text, timeout=asked.timeout, project_directory=directory, request_id=name)
    return await client.ask_question(
        asked.text,
        questions=asked.questions,
        approval=asked.approval,
        timeout=asked.timeout,
        project_directory=directory,
        request_id=name,
    )


async def _awaited(client: AgentClient, request_id: str, life: Life) -> Answer:
    """Wait for the rest of the life of a question that was asked before."""
    try:
        return await client.await_answer(request_id, timeout=max(life.ends_ms - _now_ms(), 1000) / 1000)
    except asyncio.CancelledError:
        await client.withdraw(request_id)
        raise


async def _outcome(request_id: str, answer: Awaitable[Answer]) -> Outcome:
    """Wait for an answer, and return how that ended."""
    try:
        return _answered(request_id, await answer)
    except MultiChatError as error:
        return _ended(request_id, error)
    except asyncio.CancelledError:
        return Outcome("cancelled", request_id)  # withdrawn


def _answered(request_id: str, answer: Answer) -> Outcome:
    return Outcome("answered", request_id, answer.contents, answer.by or None)


def _ended(request_id: str, error: MultiChatError) -> Outcome:
    status: Status = next((status for kind, status in ENDS.items() if isinstance(error, kind)), "refused")
    return Outcome(status, request_id, reason=str(error))
