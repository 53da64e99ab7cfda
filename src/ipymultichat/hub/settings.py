"""The settings in use: given by the caller, by the environment, or by the profile."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ipymultichat.errors import ConfigError
from ipymultichat.model import Secret, ServerConfig, Settings, nickname_of, token_of
from ipymultichat.model.settings import server_list
from ipymultichat.store import ConfigFile

NO_TOKEN = "no token set"  # noqa: S105  (a status text, not a token)
TOKEN_VARIABLE = "MULTICHAT_TOKEN"  # noqa: S105  (a variable's name, not a token)


@dataclass(frozen=True)
class Given:
    """What the code that makes an inbox gives, checked; None where it gives nothing.

    Attributes:
        servers, token, nickname: as `MultiChat` takes them.
    """

    servers: tuple[ServerConfig, ...] | None = None
    token: Secret | None = None
    nickname: str | None = None

    @classmethod
    def checked(cls, servers: Iterable[object] | None, token: str | Secret | None, nickname: str | None) -> Given:
        """Check what was given.

        Raises:
            ConfigError: a value cannot be used.
        """
        return cls(
            None if servers is None else server_list(servers),
            None if token is None else token_of(token),
            None if nickname is None else nickname_of(nickname),
        )

    def items(self) -> dict[str, object]:
        """What was given, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Own:
    """The server that this inbox runs itself.

    Attributes:
        url: its address, which is never written to the profile.
        token: its own token, in place of the inbox's one.
    """

    url: str
    token: Secret


class SettingsInUse:
    """The settings of one hub; called with its lock held.

    What the caller gives is used and never written; what comes from the profile is written back when it changes.

    Args:
        given: what the caller gives.
        file: the profile's file.

    Attributes:
        own: the server that this inbox runs itself, or None.
    """

    own: Own | None = None

    def __init__(self, given: Given, file: ConfigFile) -> None:
        self._file = file
        self._not_stored = set(given.items())
        stored = file.load()
        environment = os.environ.get(TOKEN_VARIABLE, "").strip()
        if environment and given.token is None:
            given = replace(given, token=token_of(environment))
            self._not_stored.add("token")
        values = self._with_known_ids(given.items(), stored.servers)
        nickname = values.get("nickname") or stored.nickname or _os_user()
        self._use(stored.changed({**values, "nickname": nickname}))

    def adopt(self, given: Given) -> dict[str, object]:
        """Take on what a later caller gives: from now on that belongs to the caller, not to the profile.

        Returns:
            What it is, by name.
        """
        values = self._with_known_ids(given.items(), self.values.servers)
        self._not_stored.update(values)
        if isinstance(servers := values.get("servers"), tuple):
            values["servers"] = self._with_own(servers)
        return values

    def change(self, name: str, value: object) -> None:
        """Use another value of a setting, and write it where it came from the profile.

        Raises:
            ConfigError: the value cannot be used; then nothing is changed.
        """
        before = self.values
        self._use(before.changed({name: value}))
        old, new = self._to_store(before), self._to_store(self.values)
        if name not in self._not_stored and old != new:
            self._file.save(name, old, new)

    def reload(self, stored: Settings) -> None:
        """Take over what somebody else changed in the file; what the caller or the environment gave stays."""
        now = {name: value for name, value in vars(stored).items() if name not in self._not_stored}
        if isinstance(servers := now.get("servers"), tuple):
            now["servers"] = self._with_own(servers)
        for name in ("token", "nickname"):  # an inbox in use does not lose them to a file that says nothing
            if not now.get(name):
                now.pop(name, None)
        self._use(self.values.changed(now))

    def connectable(self) -> list[ServerConfig]:
        """The servers that should be connected: those switched on for which there is a token."""
        return [config for config in self.values.servers if config.enabled and self.token_for(config.url) is not None]

    def token_for(self, url: str) -> Secret | None:
        """The token for an address: that of the server there, else the inbox's one; None: there is none."""
        if self.own is not None and self.own.url == url:
            return self.own.token
        return self._token_of_server(url) or self.values.token

    def profile_has_token(self, url: str) -> bool:
        """Whether the token for an address is kept in the profile, so that other programs of the person find it."""
        kept = "servers" if self._token_of_server(url) else "token"
        return self.token_for(url) is not None and kept not in self._not_stored

    def _token_of_server(self, url: str) -> Secret | None:
        return next((config.token for config in self.values.servers if config.url == url), None)

    def all_have_tokens(self) -> bool:
        """Whether nothing is missing: there is a token, or the one server there is has its own."""
        urls = [config.url for config in self.values.servers] or [""]
        return all(self.token_for(url) is not None for url in urls)

    def credentials(self, url: str) -> tuple[Secret, str]:
        """Token and nickname for a login at an address; raises `ConfigError` while there is no token."""
        token = self.token_for(url)
        if token is None:
            raise ConfigError(NO_TOKEN)
        return token, self.values.nickname

    def label_of(self, server_id: str) -> str:
        """The label of a server, or its id once it is gone from the list."""
        return self._labels.get(server_id, server_id)

    def _with_own(self, servers: tuple[ServerConfig, ...]) -> tuple[ServerConfig, ...]:
        """Add the server that this inbox runs itself to a list that comes from elsewhere, where it is listed now."""
        listed = {config.url for config in servers}
        own = [config for config in self.values.servers if self.own is not None and config.url == self.own.url]
        return servers + tuple(config for config in own if config.url not in listed)

    def _to_store(self, values: Settings) -> Settings:
        """What the profile may have of these: at the address of our own server, somebody else may listen later."""
        kept = tuple(config for config in values.servers if self.own is None or config.url != self.own.url)
        return values.changed({"servers": kept})

    def _use(self, values: Settings) -> None:
        self.values = values
        self._labels = {config.id: config.label for config in values.servers}

    @staticmethod
    def _with_known_ids(values: dict[str, object], known: Iterable[ServerConfig]) -> dict[str, object]:
        """Give servers the id, and where they have none the name and token, that their address is known by."""
        by_url = {config.url: config for config in known}
        servers = values.get("servers")
        if not isinstance(servers, tuple):
            return values
        named = tuple(
            config
            if (kept := by_url.get(config.url)) is None
            else replace(config, id=kept.id, name=config.name or kept.name, token=config.token or kept.token)
            for config in servers
        )
        return {**values, "servers": named}


def _os_user() -> str:
    try:
        return nickname_of(getpass.getuser())
    except (OSError, KeyError, ImportError, ConfigError):
        return "me"
