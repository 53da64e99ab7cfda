"""One JSON file per profile with its settings, read and written by a thread of its own."""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock, Timeout

from ipymultichat.errors import ConfigError, StoreError
from ipymultichat.model import Secret, ServerConfig, token_of
from ipymultichat.model.settings import Group, Settings, plain
from ipymultichat.store.jsonfile import parse, regular, replace_text, target

logger: logging.Logger = logging.getLogger("ipymultichat.store")

MEMORY = ":memory:"
"""The profile that keeps nothing on disk and is never shared."""

LOOK_SECONDS = 1.0
"""Between two looks whether somebody else changed the file: one `stat`; notification APIs fail on network homes."""

LOCK_SECONDS = 5.0
"""How long another kernel may hold the file before a try to write counts as failed."""

RETRY_SECONDS = 5.0
"""From a failed try to write to the next."""

Json = dict[str, Any]
Change = Callable[[Json], None]


def config_path(profile: str) -> Path:
    """Where a profile's file is: in `$MULTICHAT_CONFIG_DIR`, else the user's config directory.

    Raises:
        ConfigError: the name cannot be a file name.
    """
    if not re.fullmatch(r"[\w][\w. -]{0,63}", profile):
        raise ConfigError(
            f"the profile {profile!r} cannot be used; a profile is 1 to 64 letters, digits, '-', '_', '.' or "
            f"blanks, or {MEMORY!r}",
            value=profile,
        )
    folder = os.environ.get("MULTICHAT_CONFIG_DIR") or platformdirs.user_config_dir("ipymultichat", appauthor=False)
    return Path(folder) / f"{profile}.json"


class ConfigFile:
    """The settings of one profile on disk. Keys of the file that are not known here are kept as they are.

    Only `load` waits for the disk; every other method returns at once, from any thread.

    Args:
        profile: its name, or ":memory:" for no file at all.
        changed: called in the file's thread when the file may say something new, with a function that returns what:
            called with the lock held under which settings change, so that none is missed.
        trouble: called with a line for the person when the file cannot be read or written.
    """

    def __init__(
        self, profile: str, *, changed: Callable[[Callable[[], Settings]], None], trouble: Callable[[str], None]
    ) -> None:
        self.path: Path | None = None if profile == MEMORY else config_path(profile)
        self._changed = changed
        self._trouble = trouble
        self._condition = threading.Condition()
        self._pending: list[Change] = []
        self._failing = False
        self._deadline: float | None = None
        self._seen: object = None
        self._known: Json = {}  # what the file said last, in case that it is removed
        self._thread: threading.Thread | None = None

    def load(self) -> Settings:
        """Read the file at the start, and follow it from now on; a missing one is an empty one.

        A file that cannot be understood is set aside under another name, never overwritten.
        """
        if self.path is None:
            return Settings()
        self._seen = self._stamp()
        try:
            self._known = self._read() or {}
            self._look_at_token()
        except StoreError as error:
            self._trouble(str(error))
        self._thread = threading.Thread(target=self._run, name="ipymultichat-config", daemon=True)
        self._thread.start()
        return _settings(self._known)

    def save(self, name: str, before: Settings, after: Settings) -> None:
        """Write one setting soon; of the server list only what changed.

        Args:
            name: a field of `Settings`.
            before: what was in use.
            after: what is in use now.
        """
        if self._thread is None:
            return
        with self._condition:
            self._pending.append(lambda data: _write(data, name, before, after))
            self._condition.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until everything is written; returns whether that came about within `timeout` seconds."""
        with self._condition:
            return self._condition.wait_for(lambda: not self._pending, timeout)

    def close(self, timeout: float = 2.0) -> None:
        """Write what can be written within `timeout` seconds, and end."""
        with self._condition:
            if self._deadline is None:
                self._deadline = time.monotonic() + timeout
            self._condition.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)

    # on the thread

    def _run(self) -> None:
        while self._deadline is None or self._pending:
            with self._condition:
                idle = RETRY_SECONDS if self._failing else LOOK_SECONDS
                self._condition.wait_for(lambda: self._deadline or (self._pending and not self._failing), idle)
                writes = bool(self._pending)
            try:
                if writes:
                    self._write_pending()
                elif (stamp := self._stamp()) != self._seen:
                    self._seen = stamp
                    self._take(self._read(set_aside=False))
            except StoreError as error:
                if not self._failing:
                    self._trouble(str(error))
                self._failing = writes
            except Exception:
                logger.exception("the settings file could not be followed")
                self._failing = writes
            if writes and self._failing and self._deadline is not None:
                self._trouble(
                    f"the last changes of the settings are not in {self.path}: it could not be written in time"
                )
                break

    def _take(self, data: Json | None) -> None:
        """Take over what the file says now; one that was removed is written again."""
        if data is not None:
            self._known = data
            self._look_at_token()
            self._report()
        elif self._known:
            self._trouble(f"the settings in {self.path} were removed; they are written again as they were")
            with self._condition:
                self._pending.append(lambda _data: None)

    def _write_pending(self) -> None:
        assert self.path is not None  # noqa: S101  there is a thread only where there is a file
        seconds = LOCK_SECONDS if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        with self._condition:
            changes = list(self._pending)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Two kernels may share a profile: read again under a lock, so that neither undoes the other's keys.
            with FileLock(f"{self.path}.lock", timeout=seconds):
                data = None
                try:
                    data = self._read()
                except StoreError as error:
                    if os.path.lexists(self.path):  # it could not be set aside, so it is not written over
                        raise
                    self._trouble(str(error))
                if data is None:
                    data = copy.deepcopy(self._known)
                for change in changes:
                    change(data)
                replace_text(self.path, json.dumps(data, indent=2, ensure_ascii=False))
                self._seen, self._known = self._stamp(), data
        except Timeout as error:
            raise StoreError(
                f"the settings in {self.path} are locked by another kernel; saving is tried again"
            ) from error
        except OSError as error:
            reason = error.strerror or error
            raise StoreError(f"the settings cannot be saved in {self.path}: {reason}; it is tried again") from error
        with self._condition:
            del self._pending[: len(changes)]
            self._failing = False
            self._condition.notify_all()
        self._report()

    def _report(self) -> None:
        data = copy.deepcopy(self._known)

        def now() -> Settings:
            # What was changed here since is not in the file yet, and not undone by what somebody else wrote there.
            with self._condition:
                for change in self._pending:
                    change(data)
            return _settings(data)

        self._changed(now)

    def _read(self, *, set_aside: bool = True) -> Json | None:
        """What the file says, or None: there is none."""
        assert self.path is not None  # noqa: S101  see `_write`
        try:
            data = parse(regular(self.path).read_text("utf-8-sig"))  # some editors put a byte-order mark there
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"the settings in {self.path} cannot be read: {error.strerror}") from error
        except ValueError:
            data = None
        if isinstance(data, dict):
            return data
        if not set_aside:  # it may be half of what somebody is writing
            raise StoreError(f"the settings in {self.path} were changed and cannot be read; what is in use stays")
        file = target(self.path)
        aside = file.with_suffix(f".corrupt-{os.urandom(3).hex()}.json")
        file.rename(aside)
        raise StoreError(f"the settings in {self.path} were not readable and now stand in {aside.name}")

    def _look_at_token(self) -> None:
        """Say what is wrong with the token in the file, and let nobody else read it."""
        assert self.path is not None  # noqa: S101  see `_write`
        token = self._known.get("token")
        if not token and not any(isinstance(entry, dict) and entry.get("token") for entry in _entries(self._known)):
            return
        with contextlib.suppress(FileNotFoundError):
            if os.name == "posix" and self.path.stat().st_mode & 0o077:
                try:
                    self.path.chmod(0o600)
                    done = "now only you can"
                except OSError as error:
                    done = f"that cannot be changed: {error.strerror}"
                self._trouble(f"the settings in {self.path} hold a token, and others could read them; {done}")
        try:
            if token:
                token_of(token)
        except ConfigError as error:
            self._trouble(f"the token in {self.path} cannot be used, so it counts as none: {error}")

    def _stamp(self) -> object:
        try:
            found = self.path.stat() if self.path is not None else None
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:  # a network drive that is away for a moment
            return self._seen
        return found and (found.st_ino, found.st_mtime_ns, found.st_size)


def read_settings(profile: str) -> Settings:
    """Read the settings of a profile once; a file that cannot be understood is left as it is.

    Raises:
        ConfigError: the name cannot be a file name.
        StoreError: the file cannot be read.
    """
    file = ConfigFile(profile, changed=lambda _: None, trouble=lambda _: None)
    return _settings(file._read(set_aside=False) or {})  # noqa: SLF001  (a class of this module)


def read_server_file(path: Path) -> tuple[ServerConfig, ...]:
    """Read a server list that another program wrote.

    Args:
        path: a list of entries, or an object with such a list under `server_configs`; what the protocol's desktop
            client keeps (`flutter.server_configs`, the list as text) is understood as it is.

    Raises:
        ConfigError: the file holds no server that can be used.
        OSError: it cannot be read.
    """
    try:
        data = parse(regular(path).read_text("utf-8-sig"))
    except ValueError as error:
        raise ConfigError(f"{path} is no JSON file: {error}", value=str(path)) from None
    if isinstance(data, dict) and "flutter.server_configs" in data:
        data = {"server_configs": data["flutter.server_configs"]}
    servers = _servers(_entries(data if isinstance(data, dict) else {"server_configs": data}))
    if not servers:
        raise ConfigError(
            f"{path} holds no usable server; it should be a list of {{id, name, url, isEnabled}}", value=str(path)
        )
    return servers


def _settings(data: Json) -> Settings:
    """What the file says; a setting that cannot be used has its default."""
    found = Settings().read({**data, "server_configs": _servers(_entries(data))})
    groups = {name: group.read(data.get("settings")) for name, group in vars(found).items() if isinstance(group, Group)}
    return Settings(**{**vars(found), **groups})


def _write(data: Json, name: str, before: Settings, after: Settings) -> None:
    """Put one setting into what the file says."""
    value = getattr(after, name)
    if name == "servers":
        data["server_configs"] = _merged(_entries(data), before.servers, after.servers)
    elif isinstance(value, Group):
        known = data.get("settings")
        data["settings"] = {**(known if isinstance(known, dict) else {}), **value.to_file()}
    else:
        data[name] = plain(value)


def _entries(data: Json) -> list[Any]:
    """The server list in a file; a legacy `server_url` counts as a list of one while there is no list."""
    entries = data.get("server_configs")
    if isinstance(entries, str):
        with contextlib.suppress(ValueError):
            entries = parse(entries)
    if entries is None and isinstance(data.get("server_url"), str):
        return [{"name": "", "url": data["server_url"], "isEnabled": True}]
    return list(entries) if isinstance(entries, list) else []


def _servers(entries: Iterable[object]) -> tuple[ServerConfig, ...]:
    """The entries that can be used, each address and id once; the others are left out with a warning."""
    found: dict[str, ServerConfig] = {}
    for config in filter(None, map(_server, entries)):
        if config.id in found or any(config.url == other.url for other in found.values()):
            logger.warning("a stored server is left out: %s is in the list twice", config.label)
        else:
            found[config.id] = config
    return tuple(found.values())


def _server(entry: object) -> ServerConfig | None:
    if not isinstance(entry, dict):
        return None
    try:
        return ServerConfig(
            id=str(entry.get("id") or ""),
            name=str(entry.get("name") or ""),
            url=str(entry.get("url") or ""),
            enabled=bool(entry.get("isEnabled", True)),
            token=_token(entry),
        )
    except ConfigError as error:
        logger.warning("a stored server is left out: %s", error)
        return None


def _token(entry: Json) -> Secret | None:
    try:
        return token_of(entry["token"]) if entry.get("token") else None
    except ConfigError as error:
        logger.warning("the token of a stored server counts as none: %s", error)
        return None


def _merged(entries: list[Any], before: Iterable[ServerConfig], after: Iterable[ServerConfig]) -> list[Any]:
    """Apply to a list what changed between two states of it, and nothing else.

    Another kernel may have changed other entries meanwhile, another program may have put keys into them that mean
    nothing here: both stay.
    """
    old = {config.id: config for config in before}
    new = {config.id: config for config in after}
    result = []
    for entry in entries:
        known = _server(entry)
        if known is None or known.id not in old or old[known.id] == new.get(known.id):
            result.append(entry)
        elif known.id in new:
            kept = {key: value for key, value in entry.items() if key != "token"}
            result.append({**kept, **plain(new[known.id])})
    listed = {config.id for config in filter(None, map(_server, result))}
    return result + [plain(config) for key, config in new.items() if key not in listed and old.get(key) != config]
