"""The server list as it stands in the file: read, and changed entry by entry."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ipymultichat.errors import ConfigError
from ipymultichat.model import ServerConfig

logger = logging.getLogger("ipymultichat.store")

Entries = list[Any]


def read_file(path: Path) -> tuple[ServerConfig, ...]:
    """Read a server list that another program wrote.

    Args:
        path: a list of entries, or an object with such a list under `server_configs`; what the protocol's desktop
            client keeps (`flutter.server_configs`, the list as text) is understood as it is.

    Raises:
        ConfigError: the file holds no server that can be used.
        OSError: it cannot be read.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path} is no JSON file: {error}", value=str(path)) from None
    if isinstance(data, dict) and "flutter.server_configs" in data:
        data = {"server_configs": data["flutter.server_configs"]}
    servers = read_servers(entries_of(data if isinstance(data, dict) else {"server_configs": data}))
    if not servers:
        raise ConfigError(
            f"{path} holds no usable server; it should be a list of {{id, name, url, isEnabled}}", value=str(path)
        )
    return servers


def entries_of(data: dict[str, object]) -> Entries:
    """The list in a file; a legacy `server_url` counts as a list of one while there is no list."""
    entries = data.get("server_configs")
    if isinstance(entries, str):
        with contextlib.suppress(ValueError):
            entries = json.loads(entries)
    if entries is None and isinstance(data.get("server_url"), str):
        return [{"name": "", "url": data["server_url"], "isEnabled": True}]
    return list(entries) if isinstance(entries, list) else []


def read_servers(entries: Entries) -> tuple[ServerConfig, ...]:
    """The entries that can be used, each address and id once; the others are left out with a warning."""
    found: dict[str, ServerConfig] = {}
    for config in filter(None, map(_read, entries)):
        if config.id in found or any(config.url == other.url for other in found.values()):
            logger.warning("a stored server is left out: %s is in the list twice", config.label)
        else:
            found[config.id] = config
    return tuple(found.values())


def merged(entries: Entries, before: Iterable[ServerConfig], after: Iterable[ServerConfig]) -> Entries:
    """Apply to a list what changed between two states of it, and nothing else.

    Another kernel may have changed other entries meanwhile, another program may have put keys into them that mean
    nothing here: both stay.
    """
    old = {config.id: config for config in before}
    new = {config.id: config for config in after}
    result = []
    for entry in entries:
        known = _read(entry)
        if known is None or known.id not in old or old[known.id] == new.get(known.id):
            result.append(entry)
        elif known.id in new:
            result.append({**entry, **_fields(new[known.id])})
    listed = {config.id for config in filter(None, map(_read, result))}
    return result + [_fields(config) for key, config in new.items() if key not in listed and old.get(key) != config]


def _fields(config: ServerConfig) -> dict[str, object]:
    return {"id": config.id, "name": config.name, "url": config.url, "isEnabled": config.enabled}


def _read(entry: object) -> ServerConfig | None:
    if not isinstance(entry, dict):
        return None

    try:
        return ServerConfig(
            id=str(entry.get("id") or ""),
            name=str(entry.get("name") or ""),
            url=str(entry.get("url") or ""),
            enabled=bool(entry.get("isEnabled", True)),
        )
    except ConfigError as error:
        logger.warning("a stored server is left out: %s", error)
        return None
