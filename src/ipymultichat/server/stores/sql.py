"""A request's life as SQL statements, the same for SQLite and PostgreSQL: conditional UPDATEs decide who is first.

Ids and nicknames are kept as bytes: a text of PostgreSQL holds no NUL.
"""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import astuple, fields
from typing import Any

from ipymultichat.server.stores.port import StoreError
from ipymultichat.server.stores.record import DETACHED, Key, Record, State

Row = Sequence[Any]
Parameters = Mapping[str, object]

VERSION = 1
"""Of the tables. What changes them gets a list of statements of its own in `MIGRATIONS`, which never change again."""

MIGRATIONS: Mapping[int, tuple[str, ...]] = {
    1: (
        """CREATE TABLE requests (
            team TEXT NOT NULL, request_id {bytes} NOT NULL, kind TEXT NOT NULL, request {bytes} NOT NULL,
            digest TEXT NOT NULL, created_ms BIGINT NOT NULL, deadline_ms BIGINT NOT NULL, version BIGINT NOT NULL,
            state TEXT NOT NULL, waiter TEXT NOT NULL, away_until_ms BIGINT, response {bytes} NOT NULL,
            answered_by {bytes} NOT NULL, answerer TEXT NOT NULL, ended_ms BIGINT, kept BOOLEAN NOT NULL,
            fetched_ms BIGINT, PRIMARY KEY (team, request_id))""",
        "CREATE INDEX requests_by_state ON requests (state, ended_ms)",
        "CREATE TABLE processes (process TEXT PRIMARY KEY, beat_ms BIGINT NOT NULL)",
    ),
}

COLUMNS = tuple(item.name for item in fields(Record))
_ALL = ", ".join(COLUMNS)
_BYTES = ("request_id", "answered_by")
_THIS = "team = :team AND request_id = :request_id"
_WAITS = f"{_THIS} AND state = 'waiting'"
_NEXT = "version = requests.version + 1"

ADD = f"INSERT INTO requests ({_ALL}) VALUES ({', '.join(f':{name}' for name in COLUMNS)})"
_OPEN = f"""{ADD} ON CONFLICT (team, request_id) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in COLUMNS[2:] if name != "version")}, {_NEXT}
    WHERE requests.state IN ('timeout', 'cancelled') RETURNING {_ALL}"""
_JOIN = f"UPDATE requests SET waiter = :waiter, away_until_ms = NULL, {_NEXT} WHERE {_WAITS}"
_JOIN_SAME = f"{_JOIN} AND digest = :digest"
_FETCH = f"""UPDATE requests SET fetched_ms = coalesce(fetched_ms, :now), {_NEXT}
    WHERE {_THIS} AND digest = :digest AND state = 'answered'"""
_ANSWER = f"""UPDATE requests SET state = 'answered', response = :response, answered_by = :answered_by,
    answerer = :answerer, ended_ms = :now, kept = (waiter IN ('', '{DETACHED}')), {_NEXT}
    WHERE {_WAITS} AND digest = :digest"""
_END = f"UPDATE requests SET state = :state, ended_ms = :now, {_NEXT} WHERE {_WAITS}"
_LEAVE = f"UPDATE requests SET waiter = '', away_until_ms = :until, {_NEXT} WHERE {_WAITS} AND waiter = :waiter"
_KEEP = f"""UPDATE requests SET kept = TRUE, {_NEXT}
    WHERE {_THIS} AND state = 'answered' AND NOT kept AND fetched_ms IS NULL"""
_DUE = f"""UPDATE requests SET state = CASE WHEN deadline_ms <= :now THEN 'timeout' ELSE 'cancelled' END,
    ended_ms = :now, {_NEXT} WHERE state = 'waiting' AND (deadline_ms <= :now OR away_until_ms <= :now)"""
_ORPHANED = f"""UPDATE requests SET waiter = '', away_until_ms = :until, {_NEXT}
    WHERE state = 'waiting' AND waiter NOT IN ('', '{DETACHED}') AND waiter NOT IN (SELECT process FROM processes)"""
_READ = f"SELECT {_ALL} FROM requests WHERE {_THIS}"
_OPEN_RECORDS = f"""SELECT {_ALL} FROM requests
    WHERE state = 'waiting' OR (state = 'answered' AND kept) ORDER BY created_ms, request_id"""
_VERSIONS = "SELECT team, request_id, version FROM requests WHERE state = 'waiting'"
_FORGET_ENDED = "DELETE FROM requests WHERE state IN ('timeout', 'cancelled') AND ended_ms < :ended"
_FORGET_ANSWERED = "DELETE FROM requests WHERE state = 'answered' AND ended_ms < :answered RETURNING team, request_id"
_FORGET_MOST = """DELETE FROM requests WHERE state = 'answered' AND (team, request_id) IN (
    SELECT team, request_id FROM (
        SELECT team, request_id, sum(length(request) + length(response)) OVER (ORDER BY ended_ms DESC, team, request_id)
            AS total FROM requests WHERE state = 'answered') AS sums
    WHERE total > :most) RETURNING team, request_id"""
_PAGE = f"""SELECT {_ALL} FROM requests WHERE (created_ms, team, request_id) > (:created_ms, :team, :request_id)
    ORDER BY created_ms, team, request_id LIMIT 50"""
_PUT = f"{ADD} ON CONFLICT (team, request_id) DO NOTHING RETURNING team"
BEAT = """INSERT INTO processes (process, beat_ms) VALUES (:process, :now)
    ON CONFLICT (process) DO UPDATE SET beat_ms = excluded.beat_ms"""
BURY = "DELETE FROM processes WHERE beat_ms < :before"


class SqlStore(abc.ABC):
    """A `Store` made of statements; see there for what each method does."""

    durable = True
    shared = False

    @abc.abstractmethod
    async def _run(self, statement: str, parameters: Parameters) -> list[Row]:
        """Carry out one statement, durably, and return its rows.

        Raises:
            StoreError: it was not carried out.
        """

    async def ask(self, record: Record, *, insert: bool) -> Record | None:
        """See `Store.ask`."""
        whole, fetch = to_columns(record), {**_key(record.key), "digest": record.digest, "now": record.created_ms}
        for _ in range(10):
            if insert and (found := await self._one(_OPEN, whole)) is not None:
                return found
            joined = await self._changed(_JOIN_SAME, {**fetch, "waiter": record.waiter})
            found = joined or await self._changed(_FETCH, fetch) or await self.read(record.key)
            if found is None or found.state in ("timeout", "cancelled"):
                if not insert:
                    return None
                continue  # it ended, or was deleted, between two statements
            if joined or found.digest != record.digest or found.state == "answered":
                return found
        raise StoreError("the request changes too quickly")

    async def answer(self, key: Key, digest: str, response: bytes, who: tuple[str, str], now_ms: int) -> Record | None:
        """See `Store.answer`."""
        nickname, client_id = who
        given = {"response": response, "answered_by": nickname.encode(), "answerer": client_id}
        answered = await self._changed(_ANSWER, {**_key(key), **given, "digest": digest, "now": now_ms})
        return answered or await self.read(key)

    async def end(self, key: Key, state: State, now_ms: int) -> Record | None:
        """See `Store.end`."""
        return await self._changed(_END, {**_key(key), "state": state, "now": now_ms})

    async def join(self, key: Key, waiter: str) -> Record | None:
        """See `Store.join`."""
        return await self._changed(_JOIN, {**_key(key), "waiter": waiter})

    async def leave(self, key: Key, waiter: str, away_until_ms: int) -> Record | None:
        """See `Store.leave`."""
        return await self._changed(_LEAVE, {**_key(key), "waiter": waiter, "until": away_until_ms})

    async def keep(self, key: Key) -> Record | None:
        """See `Store.keep`."""
        return await self._changed(_KEEP, _key(key))

    async def due(self, now_ms: int) -> list[Record]:
        """See `Store.due`."""
        return list(map(from_row, await self._run(f"{_DUE} RETURNING {_ALL}", {"now": now_ms})))

    async def open_records(self) -> list[Record]:
        """See `Store.open_records`."""
        return list(map(from_row, await self._run(_OPEN_RECORDS, {})))

    async def versions(self) -> dict[Key, int]:
        """See `Store.versions`."""
        return {(row[0], bytes(row[1]).decode()): row[2] for row in await self._run(_VERSIONS, {})}

    async def read(self, key: Key) -> Record | None:
        """See `Store.read`."""
        return await self._one(_READ, _key(key))

    async def forget(self, answered_before_ms: int, ended_before_ms: int, most_bytes: int) -> list[Key]:
        """See `Store.forget`."""
        await self._run(_FORGET_ENDED, {"ended": ended_before_ms})
        deleted = await self._run(_FORGET_ANSWERED, {"answered": answered_before_ms})
        deleted += await self._run(_FORGET_MOST, {"most": most_bytes})
        return [(row[0], bytes(row[1]).decode()) for row in deleted]

    async def records(self) -> AsyncIterator[Record]:
        """See `Store.records`."""
        after: Parameters = {"created_ms": -1, "team": "", "request_id": b""}
        while page := list(map(from_row, await self._run(_PAGE, after))):
            for record in page:
                yield record
            after = {**_key(page[-1].key), "created_ms": page[-1].created_ms}

    async def put(self, records: Iterable[Record]) -> int:
        """See `Store.put`."""
        count = 0
        for record in records:
            count += len(await self._run(_PUT, to_columns(record)))
        return count

    async def _orphan(self, away_until_ms: int) -> list[Record]:
        """Mark the agents of requests as away whose process is no more."""
        return list(map(from_row, await self._run(f"{_ORPHANED} RETURNING {_ALL}", {"until": away_until_ms})))

    async def _changed(self, statement: str, parameters: Parameters) -> Record | None:
        return await self._one(f"{statement} RETURNING {_ALL}", parameters)

    async def _one(self, statement: str, parameters: Parameters) -> Record | None:
        rows = await self._run(statement, parameters)
        return from_row(rows[0]) if rows else None


def to_columns(record: Record) -> dict[str, object]:
    """Return a record as what is bound to a statement."""
    values = dict(zip(COLUMNS, astuple(record), strict=True))
    return {name: value.encode() if name in _BYTES else value for name, value in values.items()}


def from_row(row: Row) -> Record:
    """Return the record of a row of all columns."""
    values = dict(zip(COLUMNS, row, strict=True))
    for name in _BYTES:
        values[name] = bytes(values[name]).decode()
    values["request"], values["response"] = bytes(values["request"]), bytes(values["response"])
    values["kept"] = bool(values["kept"])
    return Record(**values)


def _key(key: Key) -> dict[str, object]:
    return {"team": key[0], "request_id": key[1].encode()}
