"""`ipymultichat store`: what a server keeps, to a file and back, or into another store."""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ipymultichat.errors import ConfigError, ServerStartError

if TYPE_CHECKING:
    from ipymultichat.server.stores.port import Store
    from ipymultichat.server.stores.record import Record

AT_ONCE = 100
"""Records that are added before more of the file are read."""


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "store",
        help="back up what a server keeps, or move it",
        description="Writes the questions and answers that a server keeps to a file, or adds those of a file to a "
        "store. Export works while servers run.",
        epilog="exit codes: 0 done; 2 the store or the file cannot be used, or a wrong argument",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for action, words in (
        ("export", "write everything as JSON Lines, one request a line"),
        ("import", "add what a file holds; ids that are in use stay as they are"),
    ):
        one = actions.add_parser(action, help=words, description=words)
        one.add_argument("file", help="the file")
        one.add_argument(
            "--store",
            default="2000",
            metavar="URL",
            help="as for `serve`, or the port of a server that keeps its own file (default: %(default)s)",
        )
        one.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export or import.

    Returns:
        0 once done.

    Raises:
        ConfigError: an argument cannot be used, or the file.
        ServerStartError: the store cannot be used.
        ImportError: the packages of the `[server]` extra are missing.
    """
    from ipymultichat.server.stores.opening import default_urls

    url = next(default_urls(int(args.store))) if args.store.isascii() and args.store.isdigit() else args.store
    path = Path(args.file)
    _check_file(url, args.action)
    try:
        count = asyncio.run(_export(url, path) if args.action == "export" else _import(url, path))
    except OSError as error:
        if isinstance(error, ServerStartError):
            raise
        raise ConfigError(f"{path} cannot be used: {error.strerror}", value=args.file) from error
    print(f"{count} {'request' if count == 1 else 'requests'} {args.action}ed")
    return 0


async def _export(url: str, path: Path) -> int:
    """Write all of it, or nothing: to a file beside, which takes the place of the old one in the end."""
    count = 0
    beside = path.with_name(f"{path.name}.part")
    async with _opened(url) as store:
        with _created(beside) as file:
            async for record in store.records():
                file.write(json.dumps(_to_json(record), ensure_ascii=False) + "\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
    beside.replace(path)
    return count


async def _import(url: str, path: Path) -> int:
    count = 0
    batch: list[Record] = []
    with path.open(encoding="utf-8") as file:
        async with _opened(url) as store:
            for number, line in enumerate(file, 1):
                try:
                    batch.append(_from_json(json.loads(line)))
                except (ValueError, TypeError, KeyError) as error:
                    raise ConfigError(f"{path}, line {number}, is no request: {error}", value=str(path)) from error
                if len(batch) == AT_ONCE:
                    count += await store.put(batch)
                    batch.clear()
            count += await store.put(batch)
    return count


def _check_file(url: str, action: str) -> None:
    """See that an SQLite file can be read, or that no server is using what is added to."""
    from ipymultichat.server.stores.opening import SQLITE
    from ipymultichat.server.stores.sqlite import in_use

    if not url.startswith(SQLITE):
        return
    file = Path(url.removeprefix(SQLITE)).expanduser()
    if action == "export" and not file.exists():
        raise ConfigError(f"there is no store {file}; name one with --store", value=url)
    if action == "import" and in_use(file):
        raise ConfigError(f"a server has {file} open, and would not see what is added; stop it first", value=url)


@asynccontextmanager
async def _opened(url: str) -> AsyncIterator[Store]:
    from ipymultichat.server.stores.opening import make_store
    from ipymultichat.server.stores.port import StoreError

    store = make_store(url)
    try:
        await store.open("", int(time.time() * 1000), 0)
        yield store
    except StoreError as error:
        raise ServerStartError(str(error)) from error
    finally:
        await store.close()


def _created(path: Path) -> IO[str]:
    """Open a new file that only this person can read: questions and answers may be confidential."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")


def _to_json(record: Record) -> dict[str, object]:
    values = {item.name: getattr(record, item.name) for item in fields(record)}
    return {
        key: base64.b64encode(value).decode() if isinstance(value, bytes) else value for key, value in values.items()
    }


def _from_json(values: Any) -> Record:
    from ipymultichat.server.stores.record import Record

    if not isinstance(values, dict):
        raise TypeError("a request is an object")
    known = {item.name for item in fields(Record)}
    given = {key: value for key, value in values.items() if key in known}
    for name in ("request", "response"):
        given[name] = base64.b64decode(given[name], validate=True)
    record = Record(**given)
    record.parsed_request()
    record.parsed_response()
    return record
