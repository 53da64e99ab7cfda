"""Carries out what the state decides: queues for the clients, the store for requests, futures for waiting agents."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import uuid
from collections import deque
from collections.abc import Callable, Collection, Coroutine
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from ipymultichat.server.counters import Counters
from ipymultichat.server.effects import (
    Client,
    Close,
    Drop,
    Effect,
    Finish,
    Forward,
    Refused,
    Send,
    Settle,
    WrongToken,
    make_response,
    outcome,
)
from ipymultichat.server.faults import Faults
from ipymultichat.server.guesses import Guesses
from ipymultichat.server.outbox import Outbox
from ipymultichat.server.rates import Rates
from ipymultichat.server.state import CLOSE_REFUSED, ServerState
from ipymultichat.server.stores.port import LARGE, Store, StoreError
from ipymultichat.server.stores.record import DETACHED, AnyRequest, AnyResponse, Key, Kind, Record
from ipymultichat.server.tokens import label_of
from ipymultichat.wire import agentassist_pb2 as pb

logger: logging.Logger = logging.getLogger("ipymultichat.server")

REPLIES = tuple(pb.WebsocketMessage(Cmd=cmd).SerializeToString() for cmd in ("AskQuestionReply", "WorkReportReply"))
"""How the frames begin that carry an answer."""

REVOKED_GRACE = 120
"""Seconds for which a request waits on at least whose token was replaced: its agent may come with the new one."""

MOST_UNSETTLED = 64
"""Answers of one client that are with the store at once."""

Answer = asyncio.Future[AnyResponse]

ResultT = TypeVar("ResultT")

FULL = "The server's disk is full: answers wait here until there is room."
AWAY = "The server cannot reach its database: answers wait here until it is back."
"""What people are told while the store does not work."""


class Relay:
    """The one place where effects become action; everything runs on one event loop.

    Args:
        state: what decides.
        faults: what may come in between.
        store: what keeps requests.
        grace: seconds for which a request waits on when its agent has lost its connection.

    Attributes:
        guesses: the wrong tokens of late.
        counters: how much has happened.
        rates: how often each team may ask.
        draining: whether it is about to stop, and new requests had better go elsewhere.
        process: the name of this process among those that share the store.
        forward: takes a frame for somebody who is connected to another process, where there are others.
        people_changed: set whenever somebody has logged in or left.
        changed: set whenever something waits that did not, or no longer so long.
        much_settled: set whenever so much was answered that it is time to forget some of it.
    """

    def __init__(self, state: ServerState, faults: Faults, store: Store, *, grace: float = 0) -> None:
        self.state = state
        self.store = store
        self.guesses: Guesses = Guesses()
        self.counters: Counters = Counters()
        self.draining = False
        self.rates: Rates = Rates(state.limits.max_calls_per_second, state.limits.max_calls_at_once)
        self.forward: Callable[[str, bytes], None] | None = None
        self.people_changed: asyncio.Event = asyncio.Event()
        self.process: str = uuid.uuid4().hex
        self.changed: asyncio.Event = asyncio.Event()
        self.much_settled: asyncio.Event = asyncio.Event()
        self._grace = grace
        self._faults = faults
        self._outboxes: dict[Client, Outbox] = {}
        self._answers: dict[Key, set[Answer]] = {}
        self._background: set[asyncio.Task[Any]] = set()
        self._unsettled: dict[Client, set[asyncio.Task[None]]] = {}
        self._closed = False
        self._settled_bytes = 0

    @property
    def trouble(self) -> str:
        """Why new requests are not taken, or soon will not be; "" while they are."""
        return "the server is stopping" if self._closed or self.draining else self.state.notice

    @property
    def away_until_ms(self) -> int:
        """When requests are given up whose agents are lost now, milliseconds since the epoch."""
        return self.state.now_ms + int(self._grace * 1000)

    @property
    def callers(self) -> int:
        """How many calls wait here."""
        return sum(len(answers) for answers in self._answers.values())

    async def open(self) -> None:
        """Open the store and learn what waits.

        Raises:
            StoreError: it cannot be used.
        """
        now_ms = self.state.now_ms
        await self.store.open(self.process, now_ms, self.away_until_ms)
        for record in await self.store.open_records():
            self.take(record)

    def revoke(self, teams: Collection[str]) -> None:
        """Send away everybody who came with the token of these teams, which is accepted no longer.

        What they asked waits on for a while, for whoever comes with the new token of the team.
        """
        for key, answers in self._answers.items():
            for answer in answers:
                if key[0] in teams and not answer.done():
                    answer.set_exception(Refused("unauthenticated", "the server does not accept this token any more"))
        people = [client for client in self.state.clients if client.team in teams]
        self.apply([Close(client, CLOSE_REFUSED, "token not accepted") for client in people])

    # People

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

    async def receive(self, client: Client, frame: bytes) -> None:
        """Handle one binary frame of a client; one that was cut off says nothing any more."""
        unsettled = self._unsettled.get(client)
        if unsettled and (len(unsettled) >= MOST_UNSETTLED or not frame.startswith(REPLIES)):
            await asyncio.wait(unsettled)  # what a client says is heard in order, but answers are stored together
        before = client.team
        for answer in self.apply(self._faults.receive(self.state, client, frame)):
            task = asyncio.get_running_loop().create_task(self._settle(answer))
            self._unsettled.setdefault(client, set()).add(task)
            task.add_done_callback(partial(self._settled, client))
        if client.team != before:
            _log_person("%s of team %s has logged in", client)
        self.people_changed.set()

    def leave(self, client: Client) -> None:
        """Forget a socket that is gone."""
        self._outboxes.pop(client, None)
        self.apply(self.state.disconnect(client))
        if client.team:
            _log_person("%s of team %s has left", client)
        self.people_changed.set()

    # Agents

    def authorize(self, token: str, address: str) -> str | None:
        """Return the team of a token that comes from an address, or None; a wrong token is noted."""
        team = self.state.team_of(token)
        if team is None:
            self.guesses.wrong(address)
        return team

    async def ask(self, kind: Kind, request: AnyRequest, team: str, *, hold: bool = False) -> tuple[Record, Answer]:
        """Take a request in, join one that waits, or fetch a recorded answer.

        Args:
            kind: question or report.
            request: what is asked; the relay's from here on.
            team: who is asked.
            hold: let it wait for somebody to come online, whatever the server does otherwise.

        Returns:
            The request, and its answer to come; `abandon` it when nobody waits for it any more.

        Raises:
            Refused: by the state, for want of room, because its team asks too often, because its id is used for
                something else, or because the store cannot be used or the server is stopping.
        """
        if request.ByteSize() > LARGE:  # to hash 24 MB takes a tenth of a second, for which no loop can wait
            asked = await asyncio.to_thread(self.state.prepare, kind, request, team)
        else:
            asked = self.state.prepare(kind, request, team)
        return await self._enter(request, asked, hold=hold)

    async def rejoin(self, key: Key) -> tuple[Record, Answer]:
        """Join a request that waits, or fetch how it ended, by its id alone.

        Returns:
            As `ask`.

        Raises:
            Refused: `not_found` where there is none, or as `ask`.
        """
        record = await self._asked_of_store(self.store.read(key))
        if record is None:
            raise Refused("not_found", "there is no request with this id")
        if record.state in ("waiting", "answered"):
            request = record.parsed_request()
            return await self._enter(request, self.state.prepare(record.kind, request, record.team), insert=False)
        answer: Answer = asyncio.get_running_loop().create_future()
        answer.set_result(outcome(record))
        return record, answer

    async def _enter(
        self, request: AnyRequest, asked: Record, *, hold: bool = False, insert: bool = True
    ) -> tuple[Record, Answer]:
        if self._closed:
            raise _stopping()
        if (seconds := self.rates.take(asked.team)) > 0:
            self.counters.refused += 1
            raise Refused("resource_exhausted", "this token asks too often", retry_after=math.ceil(seconds))
        kind, asked = asked.kind, replace(asked, waiter=self.process)
        answer: Answer = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_retrieve)
        self._answers.setdefault(asked.key, set()).add(answer)  # before: it may be answered before the store returns
        try:
            record = await self._stored(asked, hold=hold, insert=insert)
        except BaseException:
            self._remove(asked.key, answer)
            raise
        if record is None:
            self._remove(asked.key, answer)
            if not answer.done():
                answer.set_result(make_response(kind, asked.request_id, "no_clients" if insert else "cancelled"))
        elif record.state == "answered" and not answer.done():
            self._remove(asked.key, answer)
            answer.set_result(outcome(record))
            self.counters.fetched += 1
            self.take(record)
        else:
            self.counters.asked += record.version == asked.version
            self.take(record, request if record.version == asked.version else None)
            if self._closed and not answer.done():
                self.abandon(record, answer)
                raise _stopping()
        return record or asked, answer

    def abandon(self, record: Record, answer: Answer) -> None:
        """Take note that a caller waits no longer: when it was the last one, the request's agent is away."""
        if not self._remove(record.key, answer):
            return
        revoked = answer.done() and answer.exception() is not None
        if self._grace or revoked:
            grace = max(self._grace, REVOKED_GRACE) if revoked else self._grace
            until = self.state.now_ms + int(grace * 1000)
            self._spawn(self._change(self.store.leave(record.key, self.process, until)))
        else:
            self._spawn(self._cancel(record.key))

    def detach(self, record: Record, answer: Answer) -> None:
        """Let a request wait for its whole time although its caller goes: its agent has the id, and asks with it."""
        if self._remove(record.key, answer):
            self._spawn(self._change(self.store.join(record.key, DETACHED)))

    def missed(self, record: Record) -> None:
        """Take note that an answer reached nobody, because its caller had hung up by then."""
        self._spawn(self._keep(record.key))

    async def withdraw(self, key: Key) -> bool:
        """End a request whose agent wants no answer any more; return whether it waited.

        Raises:
            Refused: the store cannot be used.
        """
        record = await self._asked_of_store(self.store.end(key, "cancelled", self.state.now_ms))
        if record is not None:
            self.counters.ended(record)
            self.take(record)
        return record is not None

    async def answered_by(self, key: Key) -> str:
        """Return the nickname of who answered a request; "" where that cannot be known: the answer matters more."""
        with contextlib.suppress(StoreError):
            record = await self.store.read(key)
            return record.answered_by if record is not None else ""
        return ""

    def take(self, record: Record, request: AnyRequest | None = None) -> None:
        """Act on a row that has changed; see `ServerState.take`."""
        unclaimed = record.key not in self._answers and record.waiter == self.process
        before = self.state.waiting.get(record.key)
        self.apply(self.state.take(record, request))
        self.changed.set()
        if record.state == "answered" and before is not None:
            self._count_settled(before.size + len(record.response))
            if any(client.client_id == record.answerer for client in self._unsettled):
                self.counters.ended(record)  # only where it was given: other processes hear of it as well
        if record.state == "answered" and before is not None and unclaimed and not record.kept:
            self.missed(record)
        elif record.state == "waiting" and not record.waiter and record.key in self._answers:
            # Another process gave it up, whose caller had joined later than ours.
            self._spawn(self._change(self.store.join(record.key, self.process)))

    def reclaim(self) -> None:
        """Let the store know again that callers wait here, after others had given this process up."""
        for key in self._answers:
            self._spawn(self._change(self.store.join(key, self.process)))

    async def close(self) -> None:
        """End every waiting call with `unavailable`, and take no more.

        What a durable store keeps waits on for its agents; the rest is cancelled.
        """
        self._closed = True
        answers, self._answers = self._answers, {}
        # First of all: a reply that comes from now on must not look as if it had reached its agent.
        for key in answers:
            if self.store.durable:
                self._spawn(self._change(self.store.leave(key, self.process, self.away_until_ms)))
            else:
                self._spawn(self._cancel(key))
        while underway := self._background.union(*self._unsettled.values()):
            await asyncio.wait(underway)
        for answer in set[Answer]().union(*answers.values()):
            if not answer.done():
                answer.set_exception(_stopping())
                answer.exception()  # asyncio need not complain where its caller has just gone

    # Parts

    async def _stored(self, asked: Record, *, hold: bool, insert: bool) -> Record | None:
        waiting = self.state.waiting
        refusal = waiting.refusal(asked) if insert else None
        insert = insert and refusal is None and (hold or self.state.somebody_for(asked.team))
        if insert:
            waiting.reserve(asked)
        try:
            record = await self._asked_of_store(self.store.ask(asked, insert=insert))
        finally:
            if insert:
                waiting.release(asked)
        if record is None and refusal is not None:
            self.counters.refused += 1
            raise refusal
        if record is not None and record.digest != asked.digest:
            raise Refused("already_exists", "this ID is that of another request; use one ID for each question")
        return record

    def _count_settled(self, size: int) -> None:
        self._settled_bytes += size
        if self._settled_bytes > self.state.limits.max_kept // 8:
            self._settled_bytes = 0
            self.much_settled.set()

    def _settled(self, client: Client, task: asyncio.Task[None]) -> None:
        unsettled = self._unsettled[client]
        unsettled.discard(task)
        if not unsettled:
            del self._unsettled[client]

    async def _settle(self, answer: Settle) -> None:
        given = answer.response.SerializeToString()
        who = answer.client.nickname, answer.client.client_id
        await self._change(self.store.answer(answer.key, answer.digest, given, who, self.state.now_ms))

    async def _cancel(self, key: Key) -> None:
        record = await self._change(self.store.end(key, "cancelled", self.state.now_ms))
        if record is not None:
            self.counters.ended(record)

    async def _keep(self, key: Key) -> None:
        if await self._change(self.store.keep(key)) is not None:
            self.counters.kept += 1

    async def _change(self, change: Coroutine[Any, Any, Record | None]) -> Record | None:
        """Have the store change a row, and act on it; what cannot be done is shown and logged."""
        with contextlib.suppress(StoreError):
            record = await self.with_notice(change)
            if record is not None:
                self.take(record)
            return record
        return None

    async def _asked_of_store(self, change: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Have the store do what an agent waits for."""
        try:
            return await self.with_notice(change)
        except StoreError as error:
            if error.full:
                raise Refused("resource_exhausted", "the server's disk is full") from error
            raise Refused("unavailable", "the server cannot reach its database, try again later") from error

    async def with_notice(self, change: Coroutine[Any, Any, ResultT]) -> ResultT:
        """Have the store do something, and let people know while it cannot."""
        try:
            done = await change
        except StoreError as error:
            self.counters.store_failures += 1
            self.remind(FULL if error.full else AWAY, error)
            raise
        self.remind("")
        return done

    def remind(self, words: str, error: StoreError | None = None) -> None:
        """Tell people how it is with the store, and the log why, when that has changed."""
        effects = self.state.remind(words)
        if effects and error is not None:
            logger.warning("%s", error)
        elif effects:
            logger.warning("the store works again")
        self.apply(effects)

    def _remove(self, key: Key, answer: Answer) -> bool:
        """Forget a caller; return whether it was the last one that waited."""
        waiting = self._answers.get(key, set())
        if answer not in waiting:
            return False
        waiting.discard(answer)
        if not waiting:
            del self._answers[key]
        return not waiting

    def _spawn(self, change: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(change)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def apply(self, effects: list[Effect]) -> list[Settle]:
        """Act on effects; return what the store has to decide."""
        answers: list[Settle] = []
        # Cutting one client off makes more effects (the others hear of it), hence a queue and no recursion.
        todo = deque(self._faults.distort(self.state, effects))
        while todo:
            effect = todo.popleft()
            if isinstance(effect, Send):
                todo.extend(Drop(client) for client in self._send(effect))
            elif isinstance(effect, WrongToken):
                self.guesses.wrong(effect.client.address)
            elif isinstance(effect, Settle):
                answers.append(effect)
            elif isinstance(effect, Forward):
                assert self.forward is not None  # noqa: S101  nobody is elsewhere without it
                self.forward(effect.client_id, effect.message.SerializeToString())
            elif isinstance(effect, Finish):
                for answer in self._answers.pop(effect.key, ()):
                    if not answer.done():
                        answer.set_result(effect.response)
            else:
                outbox = self._outboxes.pop(effect.client, None)
                todo.extend(self.state.disconnect(effect.client))
                if outbox is not None and isinstance(effect, Close):
                    outbox.close(effect.code, effect.reason)
                elif outbox is not None:
                    outbox.abort()
        return answers

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


def _log_person(words: str, client: Client) -> None:
    team = label_of(client.team)
    logger.info(words, client.client_id, team, extra={"client": client.client_id, "team": team})


def _retrieve(answer: Answer) -> None:
    """Let asyncio not log what a caller that is gone was to be told."""
    if not answer.cancelled():
        answer.exception()


def _stopping() -> Refused:
    return Refused("unavailable", "the server is stopping")
