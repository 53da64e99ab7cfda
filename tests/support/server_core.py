"""The server's core alone, with rows that change at once."""

from dataclasses import replace

from ipymultichat.server.effects import Client, Effect, Finish, Settle, make_response
from ipymultichat.server.state import ServerState
from ipymultichat.server.stores.record import AnyRequest, Kind, Record, State


class Core(ServerState):
    """The state, and in place of the relay and its store what they do when nobody else is there."""

    opened = 0

    def open(self, kind: Kind, request: AnyRequest) -> tuple[Record, list[Effect]]:
        """Take a request in as `Relay.ask` does."""
        team = self.team_of(request.UserToken)
        assert team is not None
        record = self.prepare(kind, request, team)
        if (refusal := self.waiting.refusal(record)) is not None:
            raise refusal
        if not self.somebody_for(team):
            return record, [Finish(record.key, make_response(kind, record.request_id, "no_clients"))]
        self.opened += 1
        return record, self.take(replace(record, waiter="here", version=record.version + 10 * self.opened), request)

    def expire(self, request_id: str) -> list[Effect]:
        return self._end(request_id, "timeout")

    def cancel(self, request_id: str) -> list[Effect]:
        return self._end(request_id, "cancelled")

    def receive(self, client: Client, frame: bytes) -> list[Effect]:
        """Handle a frame, answers included."""
        done: list[Effect] = []
        for effect in super().receive(client, frame):
            done += self.settle(effect) if isinstance(effect, Settle) else [effect]
        return done

    def settle(self, answer: Settle) -> list[Effect]:
        pending = self.waiting.get(answer.key)
        assert pending is not None
        given = answer.response.SerializeToString()
        who = {"answered_by": answer.client.nickname, "answerer": answer.client.client_id}
        return self.take(self._next(pending.record, "answered", response=given, **who))

    def _end(self, request_id: str, state: State) -> list[Effect]:
        waiting = [pending.record for pending in self.waiting if pending.request_id == request_id]
        return [effect for record in waiting for effect in self.take(self._next(record, state))]

    def _next(self, record: Record, state: State, **changes: object) -> Record:
        return replace(record, state=state, version=record.version + 1, ended_ms=self.now_ms, **changes)  # type: ignore[arg-type]
