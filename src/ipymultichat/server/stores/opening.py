"""Which store an address names."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from ipymultichat.errors import ConfigError
from ipymultichat.server.stores.port import Store
from ipymultichat.server.stores.sqlite import MemoryStore, SqliteStore

MEMORY = "memory:"
SQLITE = "sqlite:///"


def default_urls(port: int) -> Iterator[str]:
    """Yield where a server on a port keeps requests unless told otherwise: a file in the user's data directory.

    Servers on port 0, which are on any free port, have more than one, of which each takes the first that no other has.
    """
    folder = os.environ.get("MULTICHAT_CONFIG_DIR") or platformdirs.user_data_dir("ipymultichat", appauthor=False)
    path = Path(folder).absolute()
    yield f"{SQLITE}{path / f'requests-{port}.db'}"
    if port == 0:
        yield from (f"{SQLITE}{path / f'requests-0-{number}.db'}" for number in itertools.count(2))


def make_store(url: object) -> Store:
    """Return the store that an address names, not opened yet.

    Args:
        url: `memory:`, `sqlite:///PATH` (`sqlite:////absolute/path`), or `postgresql://…`.

    Raises:
        ConfigError: it names none, or its packages are missing.
    """
    if not isinstance(url, str):
        raise ConfigError(f"a store is a string such as 'memory:' or 'sqlite:///questions.db', not {url!r}", value=url)
    if url == MEMORY:
        return MemoryStore()
    if url.startswith(SQLITE) and len(url) > len(SQLITE):
        return SqliteStore(Path(url[len(SQLITE) :]).expanduser())
    scheme = urlsplit(url).scheme if url.isprintable() else ""
    if scheme in ("postgresql", "postgres"):
        return _postgres(url)
    # The address may hold a password: it is not repeated.
    raise ConfigError(
        "the store must be memory:, sqlite:///PATH or postgresql://USER@HOST/DATABASE"
        + (f", not {scheme}://…" if scheme else ""),
        value=scheme,
    )


def _postgres(url: str) -> Store:
    try:
        from ipymultichat.server.stores.postgres import PostgresStore
    except ImportError as error:
        # Without its library in C, psycopg is there and cannot be imported; that error names nothing.
        if (error.name or "psycopg").partition(".")[0] not in ("psycopg", "psycopg_pool"):
            raise
        raise ConfigError(
            'a store in PostgreSQL needs more packages: pip install "ipymultichat[postgres]"', value="psycopg"
        ) from error
    return PostgresStore(url)
