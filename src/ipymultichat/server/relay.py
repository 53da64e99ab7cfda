"""Carries out what the state decides: queues for the clients, futures for the waiting agents."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from ipymultichat.server.effects import (
    AnyRequest,
    AnyResponse,
    Client,
    Close,
    Drop,
    Effect,
    Finish,
    Kind,
    Pending,
    Refused,
    Send,
    WrongToken,
)
from ipymultichat.server.faults import Faults
from ipymultichat.server.guesses import Guesses
from ipymultichat.server.outbox import Outbox
from ipymultichat.server.state import ServerState

logger = logging.getLogger("ipymultichat.server")


class Relay:
    """The one place where effects become action; everything runs on one event loop.

    Args:
        state: what decides.
        faults: what may come in between.

    Attributes:
        guesses: the wrong tokens of late.
    """

    def __init__(self, state: ServerState, faults: Faults) -> None:
        self.state = state
        self.guesses = Guesses()
        self._faults = faults
        self._outboxes: dict[Client, Outbox] = {}
        self._answers: dict[str, asyncio.Future[AnyResponse]] = {}
        self._closed = False

    def join(self, abort: Callable[[], None], address: str = "") -> tuple[Client, Outbox]:
        """Register a socket.

        Args:
            abort: cuts its connection without a close frame.
            address: where it comes from.

        Returns:
            The client, and its queue for the caller to drain.
        """
        outbox = Outbox(max_bytes=self.state.limits.max_queue, abort=abort)
        client = self.state.connect(address)
        self._outboxes[client] = outbox
        return client, outbox

    def receive(self, client: Client, frame: bytes) -> None:
        """Handle one binary frame of a client; one that was cut off says nothing any more."""
        self._apply(self._faults.receive(self.state, client, frame))

    def leave(self, client: Client) -> None:
        """Forget a socket that is gone."""
        self._outboxes.pop(client, None)
        self._apply(self.state.disconnect(client))

    def authorize(self, token: str, address: str) -> bool:
        """Whether a token that comes from an address may be used here; a wrong one is noted."""
        accepted = self.state.authorize(token)
        if not accepted:
            self.guesses.wrong(address)
        return accepted

    def ask(self, kind: Kind, request: AnyRequest) -> tuple[Pending, asyncio.Future[AnyResponse]]:
        """Push a request.

        Returns:
            The request as it waits, and its answer to come.

        Raises:
            Refused: by the state, or because the server is stopping.
        """
        if self._closed:
            raise _stopping()
        pending, effects = self.state.open(kind, request)
        answer: asyncio.Future[AnyResponse] = asyncio.get_running_loop().create_future()
        self._answers[pending.request_id] = answer
        self._apply(effects)
        return pending, answer

    def expire(self, pending: Pending) -> None:
        """End a request whose time is over; its answer says so."""
        self._apply(self.state.expire(pending.request_id))

    def abandon(self, pending: Pending, answer: asyncio.Future[AnyResponse]) -> None:
        """End a request that nobody waits for any more; nothing happens when it was answered."""
        if self._answers.get(pending.request_id) is answer:
            del self._answers[pending.request_id]
            self._apply(self.state.cancel(pending.request_id))

    def close(self) -> None:
        """End every waiting request with `unavailable`, and take no more."""
        self._closed = True
        answers, self._answers = self._answers, {}
        for request_id, answer in answers.items():
            answer.set_exception(_stopping())
            # Sockets live on for a moment: a reply that comes now must not look as if it had reached its agent.
            self._apply(self.state.cancel(request_id))

    def _apply(self, effects: list[Effect]) -> None:
        # Cutting one client off makes more effects (the others hear of it), hence a queue and no recursion.
        todo = deque(self._faults.distort(self.state, effects))
        while todo:
            effect = todo.popleft()
            if isinstance(effect, Send):
                todo.extend(Drop(client) for client in self._send(effect))
            elif isinstance(effect, WrongToken):
                self.guesses.wrong(effect.client.address)
            elif isinstance(effect, Finish):
                answer = self._answers.pop(effect.request_id, None)
                if answer is not None and not answer.done():
                    answer.set_result(effect.response)
            else:
                outbox = self._outboxes.pop(effect.client, None)
                todo.extend(self.state.disconnect(effect.client))
                if outbox is not None and isinstance(effect, Close):
                    outbox.close(effect.code, effect.reason)
                elif outbox is not None:
                    outbox.abort()

    def _send(self, effect: Send) -> list[Client]:
        """Queue a message; return the clients that are too slow for it."""
        frame = effect.message.SerializeToString()
        slow = []
        for client in effect.to:
            outbox = self._outboxes.get(client)
            if outbox is None:
                continue
            room = self._faults.room(effect, len(outbox))
            if room == "cut off" or (room == "queue" and not outbox.put(frame)):
                logger.warning("client %s is cut off: it reads too slowly", client.client_id)
                slow.append(client)
        return slow


def _stopping() -> Refused:
    return Refused("unavailable", "the server is stopping")
