"""Which store an address names."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from ipymultichat.errors import ConfigError
from ipymultichat.server.stores.port import Store
from ipymultichat.server.stores.sqlite import MemoryStore, SqliteStore, in_use

MEMORY = "memory:"
SQLITE = "sqlite:///"


def default_url(port: int) -> str:
    """Return where a server on a port keeps requests unless told otherwise: in the user's data directory.

    Of servers on port 0, which are on any free port, each one takes the first file that no other has open.
    """
    folder = os.environ.get("MULTICHAT_CONFIG_DIR") or platformdirs.user_data_dir("ipymultichat", appauthor=False)
    for number in itertools.count(1):
        path = Path(folder) / (f"requests-{port}.db" if number == 1 else f"requests-{port}-{number}.db")
        if port or not in_use(path):
            return f"{SQLITE}{path.absolute()}"
    raise AssertionError("there is always another number")


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
        from ipymultichat.server.stores.postgres import PostgresStore

        return PostgresStore(url)
    # The address may hold a password: it is not repeated.
    raise ConfigError(
        "the store must be memory:, sqlite:///PATH or postgresql://USER@HOST/DATABASE"
        + (f", not {scheme}://…" if scheme else ""),
        value=scheme,
    )
