"""One JSON file per profile: servers, token, nickname, settings."""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from ipymultichat.errors import ConfigError, StoreError
from ipymultichat.model import Secret, ServerConfig
from ipymultichat.store.entries import entries_of, merged, read_servers
from ipymultichat.store.preferences import Preferences, read_preferences
from ipymultichat.store.retention import Retention, read_retention

logger = logging.getLogger("ipymultichat.store")

MEMORY = ":memory:"
"""The profile that keeps nothing on disk and is never shared."""

_LOCK_SECONDS = 5.0


class _SetAsideError(StoreError):
    """The file could not be understood, and stands under another name now."""


@dataclass(frozen=True)
class StoredConfig:
    """What the file says; empty where it says nothing."""

    servers: tuple[ServerConfig, ...] = ()
    token: Secret | None = None
    nickname: str = ""
    preferences: Preferences = field(default_factory=Preferences)
    retention: Retention = field(default_factory=Retention)


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


class ConfigStore:
    """The config file of one profile; keys it does not know are kept as they are.

    Args:
        profile: its name, or ":memory:" for no file at all.
    """

    def __init__(self, profile: str) -> None:
        self.path = None if profile == MEMORY else config_path(profile)

    def load(self, *, again: bool = False) -> StoredConfig:
        """Read the file; a missing one is an empty one.

        A file that cannot be understood is set aside under another name, never overwritten.

        Args:
            again: it has been read before: what cannot be understood now may be half of what somebody is writing, and
                is left where it is.

        Raises:
            StoreError: it was set aside, or cannot be read; the text names the file.
        """
        data = self._read(set_aside=not again)
        token = data.get("token")
        nickname = data.get("nickname")
        return StoredConfig(
            servers=read_servers(entries_of(data)),
            token=Secret(token) if isinstance(token, str) and token.strip() else None,
            nickname=nickname if isinstance(nickname, str) else "",
            preferences=read_preferences(data.get("settings")),
            retention=read_retention(data.get("settings")),
        )

    def save_servers(self, before: tuple[ServerConfig, ...], after: tuple[ServerConfig, ...]) -> None:
        """Write what changed in the server list; entries that another kernel added or changed stay.

        Args:
            before: the list as it was known here.
            after: the list as it is wanted.

        Raises:
            StoreError: the file cannot be written.
        """
        self._change(lambda data: data.update(server_configs=merged(entries_of(data), before, after)))

    def save_token(self, token: Secret) -> None:
        """Write the token; the file is readable by its owner only.

        Raises:
            StoreError: the file cannot be written.
        """
        self._change(lambda data: data.update(token=token.reveal()))

    def save_nickname(self, nickname: str) -> None:
        """Write the nickname.

        Raises:
            StoreError: the file cannot be written.
        """
        self._change(lambda data: data.update(nickname=nickname))

    def save_preferences(self, preferences: Preferences) -> None:
        """Write how the person likes to answer; other settings in the file stay.

        Raises:
            StoreError: the file cannot be written.
        """
        self._change_settings(preferences.to_json())

    def save_retention(self, retention: Retention) -> None:
        """Write how long messages are kept; other settings in the file stay.

        Raises:
            StoreError: the file cannot be written.
        """
        self._change_settings(retention.to_json())

    def _change_settings(self, values: dict[str, object]) -> None:
        def change(data: dict[str, object]) -> None:
            known = data.get("settings")
            data["settings"] = {**(known if isinstance(known, dict) else {}), **values}

        self._change(change)

    def _read(self, *, set_aside: bool = True) -> dict[str, object]:
        if self.path is None:
            return {}
        try:
            data = json.loads(self.path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StoreError(f"the settings in {self.path} cannot be read: {error.strerror}") from error
        except ValueError:
            data = None
        if isinstance(data, dict):
            return data
        if not set_aside:
            raise StoreError(f"the settings in {self.path} were changed and cannot be read; what is in use stays")
        aside = self.path.with_suffix(f".corrupt-{os.urandom(3).hex()}.json")
        self.path.rename(aside)
        raise _SetAsideError(f"the settings in {self.path} were not readable and now stand in {aside.name}")

    def _read_for_change(self) -> dict[str, object]:
        try:
            return self._read()
        except _SetAsideError as error:
            logger.warning("%s", error)
            return {}

    def _change(self, change: Callable[[dict[str, object]], None]) -> None:
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Two kernels may share a profile: read again under a lock, so that neither undoes the other's keys.
            with FileLock(f"{self.path}.lock", timeout=_LOCK_SECONDS):
                data = self._read_for_change()
                change(data)
                _replace(self.path, json.dumps(data, indent=2, ensure_ascii=False))
        except StoreError:
            raise
        except Timeout as error:
            raise StoreError(f"the settings in {self.path} are locked by another kernel") from error
        except OSError as error:
            raise StoreError(f"the settings cannot be saved in {self.path}: {error.strerror or error}") from error


def _replace(path: Path, text: str) -> None:
    """Write a file in one step, so that nobody ever reads half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
