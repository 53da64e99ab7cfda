"""Every setting in one table: default, check, where the file has it, whether the browser may see it.

A setting is a field of `Preferences`, `Retention` or `Settings`, made by `setting`; reading, writing and checking
follow from that. Adding one takes a line here and, where the person can change it in the widget, its control in `js`.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ipymultichat.errors import ConfigError
from ipymultichat.model.identity import Secret, nickname_of, token_of
from ipymultichat.model.server import ServerConfig, server_config

if TYPE_CHECKING:
    from typing_extensions import Self

MAX_WRAP = 2_000
MAX_QUICK = 20
MAX_QUICK_TEXT = 200
MAX_SNIPPETS = 100
MAX_SNIPPET_TEXT = 10_000
"""Largest sizes, in characters and entries: all of it travels to every browser whenever one thing changes."""

MAX_DAYS = 36_500
MAX_MEBIBYTES = 2**20

Check = Callable[[str, Any], Any]


def setting(default: Any, check: Check, *, key: str, browser: bool = True) -> Any:
    """A field that is a setting.

    Args:
        default: its value where the file says nothing.
        check: gets its name and a value, as code or JSON has it; returns the value to be used, or raises `ConfigError`
            with what is wrong and what to write instead.
        key: where the file has it.
        browser: whether the browser may see it.
    """
    return field(default=default, metadata={"check": check, "key": key, "browser": browser})


@dataclass(frozen=True)
class Group:
    """Settings that are changed together; every value is checked on construction.

    Raises:
        ConfigError: a value cannot be used; it says what to write instead.
    """

    def __post_init__(self) -> None:
        for entry in dataclasses.fields(self):
            if "check" in entry.metadata:
                value = entry.metadata["check"](entry.name, getattr(self, entry.name))
                object.__setattr__(self, entry.name, value)

    def changed(self, values: Mapping[str, object]) -> Self:
        """Return these with some fields changed.

        Args:
            values: new values by name, as code or JSON has them.

        Raises:
            ConfigError: a field is unknown or its value cannot be used.
        """
        names = [entry.name for entry in dataclasses.fields(self)]
        unknown = [name for name in values if name not in names]
        if unknown:
            raise ConfigError(f"there is no setting {unknown[0]!r}; there are {', '.join(names)}", value=unknown[0])
        return replace(self, **values)

    def read(self, data: object) -> Self:
        """Return these with what a part of the file says; what cannot be used counts as not there."""
        found = self
        for entry in dataclasses.fields(self):
            key = entry.metadata.get("key")
            if key is not None and isinstance(data, dict) and key in data:
                try:
                    found = replace(found, **{entry.name: data[key]})
                except ConfigError:
                    continue
        return found

    def to_file(self) -> dict[str, object]:
        """The fields as the file has them."""
        return {
            entry.metadata["key"]: plain(getattr(self, entry.name))
            for entry in dataclasses.fields(self)
            if "key" in entry.metadata
        }

    def browser_form(self) -> dict[str, object]:
        """The fields that the browser may see, by name."""
        return {
            entry.name: plain(getattr(self, entry.name))
            for entry in dataclasses.fields(self)
            if entry.metadata.get("browser")
        }


def plain(value: object) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, ServerConfig):
        form = {"id": value.id, "name": value.name, "url": value.url, "isEnabled": value.enabled}
        return form if value.token is None else {**form, "token": value.token.reveal()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return dataclasses.asdict(value) if isinstance(value, Snippet) else value


def _wrap(name: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_WRAP:
        raise ConfigError(f"the {name} is a text of at most {MAX_WRAP:,} characters")
    return value.strip()


def _confirmation(name: str, value: object) -> str:
    text = _wrap(name, value)
    return text or "Confirmed."  # an agent reads it as the answer, so it is never empty


def _quick_answers(_name: str, value: object) -> tuple[str, ...]:
    texts = [item.strip() for item in value if isinstance(item, str)] if isinstance(value, (list, tuple)) else None
    if texts is None or len(texts) > MAX_QUICK or any(len(text) > MAX_QUICK_TEXT for text in texts):
        raise ConfigError(f"quick answers are at most {MAX_QUICK} texts of at most {MAX_QUICK_TEXT} characters")
    return tuple(dict.fromkeys(text for text in texts if text))


@dataclass(frozen=True)
class Snippet:
    """A text of the person's own, called up by `/name`."""

    name: str
    text: str


def _snippets(_name: str, value: object) -> tuple[Snippet, ...]:
    if not isinstance(value, (list, tuple)) or len(value) > MAX_SNIPPETS:
        raise ConfigError(f"snippets are a list of at most {MAX_SNIPPETS}")
    found: dict[str, Snippet] = {}
    for item in value:
        given = dataclasses.asdict(item) if isinstance(item, Snippet) else item
        name, text = (given.get("name"), given.get("text")) if isinstance(given, dict) else (None, None)
        if not isinstance(name, str) or not re.fullmatch(r"[\w-]{1,32}", name):
            raise ConfigError(f"a snippet's name is 1 to 32 letters, digits, '-' or '_', not {str(name)[:40]!r}")
        if not isinstance(text, str) or not text.strip() or len(text) > MAX_SNIPPET_TEXT:
            raise ConfigError(f"the snippet {name!r} needs a text of at most {MAX_SNIPPET_TEXT:,} characters")
        if name in found:
            raise ConfigError(f"there are two snippets called {name!r}; give each a name of its own")
        found[name] = Snippet(name, text)
    return tuple(found.values())


@dataclass(frozen=True)
class Preferences(Group):
    """How the person likes to answer in the widget.

    Attributes:
        prefix: put on a line of its own before every free-text reply from the widget, or "".
        suffix: the same after it.
        confirmation: sent when a report is confirmed without words.
        quick: answers offered as buttons; empty: the usual ones.
        snippets: texts called up by name, in the person's order.
    """

    prefix: str = setting("", _wrap, key="reply_prefix")
    suffix: str = setting("", _wrap, key="reply_suffix")
    confirmation: str = setting("Confirmed.", _confirmation, key="confirmation")
    quick: tuple[str, ...] = setting((), _quick_answers, key="quick_answers")
    snippets: tuple[Snippet, ...] = setting((), _snippets, key="snippets")

    def wrap(self, text: str) -> str:
        """Put prefix and suffix around a reply; a text that has them already is not given them twice."""
        lines = [text]
        if self.prefix and not text.startswith(self.prefix):
            lines.insert(0, self.prefix)
        if self.suffix and not text.endswith(self.suffix):
            lines.append(self.suffix)
        return "\n".join(lines)


def _days(_name: str, value: object) -> float:
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not usable or not 0 <= value <= MAX_DAYS:  # type: ignore[operator]
        raise ConfigError(
            f"the history keeps messages for 0 to {MAX_DAYS:,} days, not {value!r}; write 0 to keep them for good",
            value=value,
        )
    return value  # type: ignore[return-value]


def _mebibytes(_name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_MEBIBYTES:
        raise ConfigError(
            f"the history's size is a whole number of 0 to {MAX_MEBIBYTES:,} MiB, not {value!r}; write 0 for no limit",
            value=value,
        )
    return value


@dataclass(frozen=True)
class Retention(Group):
    """How much of the history is kept on disk. What waits, is on its way or failed never leaves.

    Attributes:
        days: older messages leave; 0: never for their age.
        mebibytes: the oldest leave while the file is larger; 0: however large it is.
    """

    days: float = setting(0, _days, key="history_days")
    mebibytes: int = setting(1024, _mebibytes, key="history_mib")


def _servers(_name: str, value: Any) -> tuple[ServerConfig, ...]:
    return server_list(value)


def _token(_name: str, value: object) -> Secret | None:
    return None if value is None else token_of(value)


def _nickname(_name: str, value: object) -> str:
    return "" if value == "" else nickname_of(value)


@dataclass(frozen=True)
class Settings(Group):
    """Everything a profile's file may say.

    Attributes:
        servers: the server list; in the file it is merged entry by entry, see `config`.
        token: names the group of people and agents, or None.
        nickname: what others see; "" where none was chosen.
        preferences, retention: further settings, in the file below `settings`.
    """

    servers: tuple[ServerConfig, ...] = setting((), _servers, key="server_configs", browser=False)
    token: Secret | None = setting(None, _token, key="token", browser=False)  # noqa: RUF009  a field
    nickname: str = setting("", _nickname, key="nickname")
    preferences: Preferences = field(default_factory=Preferences)
    retention: Retention = field(default_factory=Retention)


def server_list(servers: Iterable[object]) -> tuple[ServerConfig, ...]:
    """Check a list of servers as a person wrote it; one entry alone is a list of one.

    Raises:
        ConfigError: naming the entry that cannot be used.
    """
    if isinstance(servers, (str, dict, ServerConfig)):
        servers = [servers]
    try:
        values = list(servers)
    except TypeError:
        raise ConfigError(f"servers must be a list of addresses, not {servers!r}", value=servers) from None
    return distinct(server_config(value) for value in values)


def distinct(servers: Iterable[ServerConfig]) -> tuple[ServerConfig, ...]:
    """Check that no address and no id stands in the list twice.

    Raises:
        ConfigError: naming the one that does.
    """
    found: dict[str, ServerConfig] = {}
    for config in servers:
        twin = next((other for other in found.values() if config.url == other.url or config.id == other.id), None)
        if twin is not None:
            raise ConfigError(
                f"{config.url!r} is in the server list already (as {twin.label!r}); change that entry instead",
                value=config.url,
            )
        found[config.id] = config
    return tuple(found.values())
