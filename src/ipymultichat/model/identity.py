"""Who the person is: nickname and token, and a string that does not show itself."""

from __future__ import annotations

from ipymultichat.errors import ConfigError

MAX_NICKNAME = 64
MAX_TOKEN = 1024


class Secret:
    """Holds a token so that no `repr`, log line or error shows it by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the plain value, for the wire and the config file only."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret cannot be pickled")


def nickname_of(value: object) -> str:
    """Return a usable nickname.

    Servers turn an empty nickname into one that everybody shares that day, so it is refused here.

    Raises:
        ConfigError: naming the value and the limits.
    """
    if not isinstance(value, str):
        raise ConfigError(f"a nickname is a string, not {value!r}", value=value)
    name = value.strip()
    if not name:
        raise ConfigError(f"the nickname {value!r} is empty; give 1 to {MAX_NICKNAME} characters", value=value)
    if len(name) > MAX_NICKNAME:
        raise ConfigError(
            f"the nickname {name[:20]!r}… has {len(name)} characters; at most {MAX_NICKNAME} are allowed", value=value
        )
    if not name.isprintable():
        raise ConfigError(f"the nickname {name!r} holds a control character; use printable ones", value=value)
    return name


def token_of(value: object) -> Secret:
    """Wrap a usable token; the error never shows it.

    A server takes an empty token, but then leaves requests unanswered, so it is refused here.

    Raises:
        ConfigError: saying what is wrong, without the token.
    """
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise ConfigError(f"a token is a string, not {type(value).__name__}")
    token = value.strip()
    if not token:
        raise ConfigError("the token '' is empty; pass token='…', set $MULTICHAT_TOKEN, or leave it out")
    if len(token) > MAX_TOKEN or not token.isprintable():
        raise ConfigError(f"the token must be 1 to {MAX_TOKEN} printable characters")
    return Secret(token)
