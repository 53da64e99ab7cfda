"""Requests in PostgreSQL, for several server processes: rows are the truth, `NOTIFY` only says which to look at."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import lru_cache
from typing import Any, cast
from urllib.parse import urlsplit

import psycopg
from psycopg import sql
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from ipymultichat.server.stores.port import Person, StoreError, WakeUp
from ipymultichat.server.stores.sql import BEAT, MIGRATIONS, VERSION, Parameters, Row, SqlStore

# It tells of every try to reach a database that is away; without a handler Python would print that.
logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())

SCHEMA = "ipymultichat"
"""Where the tables are, so that a database can hold those of others as well."""

CHANNEL = "ipymultichat"

CONNECTION: Mapping[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""Of every connection, in libpq's words: seconds to make one, and after which a network that is gone is noticed;
milliseconds for what is sent to arrive."""

POOL_TIMEOUT, POOL_TIMEOUT_AWAY = 3, 0.3
"""Seconds to wait for one of the connections; and while the database is known to be away, for then every frame of a
person and every agent's call would wait so long."""

MOST_CONNECTIONS = 8

DEAD_AFTER_MS = 10_000
"""Milliseconds without a sign of life after which a process counts as dead."""

_LOCK = 0x69706D63
"""Of the changes to the tables: two processes may start at once."""

_NOW = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
"""Signs of life go by the database's clock alone."""

_TABLES = {
    1: (
        """CREATE TABLE people (client_id TEXT PRIMARY KEY,
            process TEXT NOT NULL REFERENCES processes ON DELETE CASCADE,
            team TEXT NOT NULL, nickname BYTEA NOT NULL, connected_at BIGINT NOT NULL)""",
        """CREATE TABLE chats (number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            process TEXT NOT NULL REFERENCES processes ON DELETE CASCADE, client_id TEXT NOT NULL,
            frame BYTEA NOT NULL)""",
        f"""CREATE FUNCTION tell_request() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_notify('{CHANNEL}',
                concat_ws(' ', 'request', NEW.team, encode(NEW.request_id, 'hex'), NEW.version));
            RETURN NULL; END $$""",
        """CREATE TRIGGER tell_request AFTER INSERT OR UPDATE ON requests
            FOR EACH ROW EXECUTE FUNCTION tell_request()""",
        f"""CREATE FUNCTION tell_people() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_notify('{CHANNEL}', 'people'); RETURN NULL; END $$""",
        """CREATE TRIGGER tell_people AFTER INSERT OR UPDATE OR DELETE ON people
            FOR EACH STATEMENT EXECUTE FUNCTION tell_people()""",
        f"""CREATE FUNCTION tell_chat() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_notify('{CHANNEL}', 'chat ' || NEW.process); RETURN NULL; END $$""",
        "CREATE TRIGGER tell_chat AFTER INSERT ON chats FOR EACH ROW EXECUTE FUNCTION tell_chat()",
    )
}
"""What is needed besides the tables of `MIGRATIONS`, by the same versions."""

_SHOW = """INSERT INTO people (client_id, process, team, nickname, connected_at)
    VALUES (:client_id, :process, :team, :nickname, :connected_at) ON CONFLICT (client_id) DO UPDATE
    SET team = excluded.team, nickname = excluded.nickname RETURNING client_id"""
_HIDE = "DELETE FROM people WHERE client_id = :client_id AND process = :process"
_PEOPLE = "SELECT client_id, process, team, nickname, connected_at FROM people ORDER BY connected_at, client_id"
_SAY = """INSERT INTO chats (process, client_id, frame)
    SELECT process, client_id, :frame FROM people WHERE client_id = :client_id"""
_HEARD = """WITH heard AS (DELETE FROM chats WHERE process = :process RETURNING number, client_id, frame)
    SELECT client_id, frame FROM heard ORDER BY number"""
_ALIVE = f"{BEAT.replace(':now', _NOW)} RETURNING (xmax = 0)"
_BURY = f"DELETE FROM processes WHERE beat_ms < {_NOW} - {DEAD_AFTER_MS}"  # noqa: S608


class PostgresStore(SqlStore):
    """A `SharedStore`; see there and `Store` for what each method does.

    Args:
        url: `postgresql://USER:PASSWORD@HOST:PORT/DATABASE`, or any other address that libpq takes. It has to lead to
            the database itself, not to a pooler that shares connections between transactions: those do not `LISTEN`.
    """

    shared = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._password = urlsplit(url).password or ""
        self._process = ""
        self._patience: float = POOL_TIMEOUT
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection] | None = None

    async def open(self, process: str, now_ms: int, away_until_ms: int) -> None:
        """See `Store.open`."""
        del now_ms
        self._process = process
        await self._migrate()
        self._pool = AsyncConnectionPool(
            self._url,
            min_size=1,
            max_size=MOST_CONNECTIONS,
            timeout=POOL_TIMEOUT,
            open=False,
            kwargs={"autocommit": True, **CONNECTION},
            configure=_configure,
            reconnect_timeout=0.5,
        )
        await self._pool.open()
        if process:
            await self.beat(away_until_ms)

    async def close(self) -> None:
        """See `Store.close`."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close(timeout=2)

    # Other processes

    async def beat(self, away_until_ms: int) -> bool:
        """See `SharedStore.beat`."""
        (row,) = await self._run(_ALIVE, {"process": self._process})
        await self._run(_BURY, {})
        await self._orphan(away_until_ms)
        return bool(row[0])

    async def depart(self) -> None:
        """See `SharedStore.depart`."""
        await self._run("DELETE FROM processes WHERE process = :process", {"process": self._process})

    async def show(self, person: Person) -> None:
        """See `SharedStore.show`."""
        given = {"team": person.team, "nickname": person.nickname.encode(), "connected_at": person.connected_at}
        await self._run(_SHOW, {**given, "client_id": person.client_id, "process": self._process})

    async def hide(self, client_id: str) -> None:
        """See `SharedStore.hide`."""
        await self._run(_HIDE, {"client_id": client_id, "process": self._process})

    async def elsewhere(self) -> list[Person]:
        """See `SharedStore.elsewhere`."""
        rows = await self._run(_PEOPLE, {})
        return [
            Person(client_id, team, bytes(nickname).decode(), connected_at)
            for client_id, process, team, nickname, connected_at in rows
            if process != self._process
        ]

    async def say(self, client_id: str, frame: bytes) -> None:
        """See `SharedStore.say`."""
        await self._run(_SAY, {"client_id": client_id, "frame": frame})

    async def heard(self) -> list[tuple[str, bytes]]:
        """See `SharedStore.heard`."""
        return [(row[0], bytes(row[1])) for row in await self._run(_HEARD, {"process": self._process})]

    async def wake_ups(self) -> AsyncIterator[WakeUp]:
        """See `SharedStore.wake_ups`."""
        with self._named():
            connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, **CONNECTION)
            async with connection:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
                yield WakeUp()  # what came before is not told
                async for note in connection.notifies():
                    if (wake_up := self._read_note(note.payload)) is not None:
                        yield wake_up

    def _read_note(self, payload: str) -> WakeUp | None:
        match payload.split():
            case ["request", team, request_id, version]:
                return WakeUp((team, bytes.fromhex(request_id).decode()), int(version))
            case ["people"]:
                return WakeUp(people=True)
            case ["chat", process] if process == self._process:
                return WakeUp(chat=True)
        return None

    # Parts

    async def _run(self, statement: str, parameters: Parameters) -> list[Row]:
        pool = self._pool
        if pool is None:
            raise StoreError("the store is closed")
        with self._named():
            try:
                rows = await _execute(pool, statement, parameters, self._patience)
            except PoolTimeout:
                self._patience = POOL_TIMEOUT_AWAY
                raise
            except psycopg.OperationalError as error:
                if error.sqlstate is not None and not error.sqlstate.startswith(("57", "08")):
                    raise
                # The database was started again meanwhile, and this connection was one of before. Every statement here
                # may be carried out twice.
                rows = await _execute(pool, statement, parameters, POOL_TIMEOUT_AWAY)
            self._patience = POOL_TIMEOUT
            return rows

    @contextlib.contextmanager
    def _named(self) -> Iterator[None]:
        """Say in one line what is wrong with the database, without its address: that may hold a password."""
        try:
            yield
        except psycopg.errors.DiskFull as error:
            raise StoreError("the disk of the database is full; make room", full=True) from error
        except PoolTimeout as error:
            raise StoreError("the database cannot be reached") from error
        except (psycopg.Error, OSError) as error:
            first = next(iter(str(error).strip().splitlines()), type(error).__name__)
            words = first.replace(self._password, "***") if self._password else first
            raise StoreError(f"the database cannot be used: {words}") from error

    async def _migrate(self) -> None:
        with self._named():
            connection = await psycopg.AsyncConnection.connect(self._url, **CONNECTION)
            async with connection, connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
                await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
                await _configure(connection)
                await connection.execute("CREATE TABLE IF NOT EXISTS version (number INTEGER NOT NULL)")
                row = await (await connection.execute("SELECT max(number) FROM version")).fetchone()
                found = (row[0] if row else None) or 0
                if found > VERSION:
                    raise StoreError(
                        f"the tables are of version {found}, this ipymultichat knows {VERSION}: install a newer one"
                    )
                for version in range(found + 1, VERSION + 1):
                    for statement in (*MIGRATIONS[version], *_TABLES.get(version, ())):
                        await connection.execute(_literal(statement.replace("{bytes}", "BYTEA")))
                    await connection.execute("INSERT INTO version (number) VALUES (%s)", (version,))


async def _execute(
    pool: AsyncConnectionPool[psycopg.AsyncConnection], statement: str, parameters: Parameters, patience: float
) -> list[Row]:
    async with pool.connection(patience) as connection:
        cursor = await connection.execute(_translated(statement), parameters)
        return cast("list[Row]", await cursor.fetchall()) if cursor.description else []


async def _configure(connection: psycopg.AsyncConnection) -> None:
    await connection.execute(f"SET search_path TO {SCHEMA}")


@lru_cache
def _translated(statement: str) -> sql.SQL:
    """Return a statement with parameters as psycopg writes them."""
    return _literal(re.sub(r"(?<!:):(\w+)", r"%(\1)s", statement))


def _literal(statement: str) -> sql.SQL:
    return sql.SQL(statement)  # made of constants, see `sql`
