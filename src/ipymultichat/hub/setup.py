"""Which servers, which token, which nickname: given by the caller, by the environment, or by the profile."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from ipymultichat.errors import ConfigError, StoreError
from ipymultichat.hub import lookup
from ipymultichat.model import Secret, ServerConfig, nickname_of, server_config, token_of
from ipymultichat.store import ConfigStore, Preferences, Retention

TOKEN_VARIABLE = "MULTICHAT_TOKEN"  # noqa: S105  (a variable's name, not a token)


class Setup:
    """The server list, the token and the nickname of one hub.

    What the caller gives is used and never written; what comes from the profile is written back when it changes.

    Args:
        store: the profile's file.
        servers: the server list, or None for the stored one.
        token: the token, or None for `$MULTICHAT_TOKEN`, else the stored one.
        nickname: the nickname, or None for the stored one, else the OS user name.
        trouble: called with a line for the person when the file cannot be read or written.

    Raises:
        ConfigError: a value cannot be used.
    """

    def __init__(
        self,
        store: ConfigStore,
        *,
        servers: Iterable[object] | None,
        token: str | Secret | None,
        nickname: str | None,
        trouble: Callable[[str], None],
    ) -> None:
        self._store = store
        self._trouble = trouble
        # Everything given is checked before the file is touched.
        given = None if servers is None else _given(servers)
        self.token = None if token is None else token_of(token)
        self.nickname = "" if nickname is None else nickname_of(nickname)
        self._stored = {
            "servers": given is None,
            "token": token is None,
            "nickname": nickname is None,
            "preferences": True,
            "retention": True,
        }
        self.servers: tuple[ServerConfig, ...] = given or ()
        self.preferences = Preferences()
        self.retention = Retention()
        self._load()

    def adopt(
        self, *, servers: Iterable[object] | None, token: str | Secret | None, nickname: str | None
    ) -> tuple[tuple[ServerConfig, ...] | None, Secret | None, str | None]:
        """Check what a later caller gives; returns it in usable form, None where it was not given.

        From now on those values belong to the caller, not to the profile.

        Raises:
            ConfigError: a value cannot be used; then nothing is changed.
        """
        given = None if servers is None else lookup.keep_ids(_given(servers), self.servers)
        new_token = None if token is None else token_of(token)
        new_name = None if nickname is None else nickname_of(nickname)
        for key, value in (("servers", given), ("token", new_token), ("nickname", new_name)):
            self._stored[key] = self._stored[key] and value is None
        return given, new_token, new_name

    def set_servers(self, servers: tuple[ServerConfig, ...]) -> None:
        """Use another server list.

        Raises:
            ConfigError: an address stands in it twice.
        """
        before, self.servers = self.servers, lookup.distinct(servers)
        self._save("servers", lambda: self._store.save_servers(before, self.servers))

    def change_server(self, old: ServerConfig, changes: dict[str, object]) -> ServerConfig:
        """Change fields of one entry; returns the new one.

        Raises:
            ConfigError: a value cannot be used.
        """
        new = replace(old, **changes)  # type: ignore[arg-type]
        self.set_servers(tuple(new if config is old else config for config in self.servers))
        return new

    def set_token(self, token: Secret) -> None:
        """Use another token."""
        self.token = token
        self._save("token", lambda: self._store.save_token(token))

    def set_nickname(self, nickname: str) -> None:
        """Use another nickname."""
        self.nickname = nickname
        self._save("nickname", lambda: self._store.save_nickname(nickname))

    def set_preferences(self, preferences: Preferences) -> None:
        """Answer in another way."""
        self.preferences = preferences
        self._save("preferences", lambda: self._store.save_preferences(preferences))

    def set_retention(self, retention: Retention) -> None:
        """Keep messages for another time."""
        self.retention = retention
        self._save("retention", lambda: self._store.save_retention(retention))

    @property
    def path(self) -> Path | None:
        """The profile's file, or None."""
        return self._store.path

    def reload(self) -> set[str]:
        """Take over what was changed in the file by somebody else; returns what that was.

        Returns:
            Any of "servers", "token", "nickname", "preferences" and "retention". What the caller or the environment
            gave stays as it is.
        """
        try:
            stored = self._store.load(again=True)
        except StoreError as error:
            self._trouble(str(error))
            return set()
        values = {
            "servers": stored.servers,
            "token": stored.token or self.token,
            "nickname": _first_usable(stored.nickname, self.nickname),
            "preferences": stored.preferences,
            "retention": stored.retention,
        }
        changed = {key for key, value in values.items() if self._stored[key] and getattr(self, key) != value}
        for key in changed:
            setattr(self, key, values[key])
        return changed

    def label_of(self, server_id: str) -> str:
        """The label of a server, or its id once it is gone from the list."""
        return next((config.label for config in self.servers if config.id == server_id), server_id)

    def _load(self) -> None:
        try:
            stored = self._store.load()
        except StoreError as error:
            self._trouble(str(error))
            stored = None
        environment = os.environ.get(TOKEN_VARIABLE, "").strip()
        if self._stored["token"] and environment:
            self.token = token_of(environment)
            self._stored["token"] = False
        if stored is not None:
            self.preferences = stored.preferences
            self.retention = stored.retention
            own = self._stored["servers"]
            self.servers = stored.servers if own else lookup.keep_ids(self.servers, stored.servers)
            self.token = stored.token if self._stored["token"] else self.token
        if self._stored["nickname"]:
            self.nickname = _first_usable(stored.nickname if stored else "", _os_user(), "me")

    def _save(self, key: str, write: Callable[[], None]) -> None:
        if not self._stored[key]:
            return
        try:
            write()
        except StoreError as error:
            self._trouble(str(error))


def _given(servers: Iterable[object]) -> tuple[ServerConfig, ...]:
    """Check a list of servers as a person wrote it; one entry alone is a list of one."""
    if isinstance(servers, (str, dict, ServerConfig)):
        servers = [servers]
    try:
        values = list(servers)
    except TypeError:
        raise ConfigError(f"servers must be a list of addresses, not {servers!r}", value=servers) from None
    return lookup.distinct(server_config(value) for value in values)


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def _first_usable(*names: str) -> str:
    for name in names[:-1]:
        try:
            return nickname_of(name)
        except ConfigError:
            continue
    return names[-1]
