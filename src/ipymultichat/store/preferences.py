"""How a person likes to answer: what is put around replies, quick answers, snippets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ipymultichat.errors import ConfigError

MAX_WRAP = 2_000
MAX_QUICK = 20
MAX_QUICK_TEXT = 200
MAX_SNIPPETS = 100
MAX_SNIPPET_TEXT = 10_000
"""Largest sizes, in characters and entries: all of it travels to every browser whenever one thing changes."""

_KEYS = {"prefix": "reply_prefix", "suffix": "reply_suffix", "quick": "quick_answers", "snippets": "snippets"}


@dataclass(frozen=True)
class Snippet:
    """A text of the person's own, called up by `/name`."""

    name: str
    text: str


@dataclass(frozen=True)
class Preferences:
    """What the profile says about answering.

    Attributes:
        prefix: put on a line of its own before every free-text reply from the widget, or "".
        suffix: the same after it.
        quick: answers offered as buttons; empty: the usual ones.
        snippets: texts called up by name, in the person's order.
    """

    prefix: str = ""
    suffix: str = ""
    quick: tuple[str, ...] = ()
    snippets: tuple[Snippet, ...] = ()

    def changed(self, values: Mapping[str, object]) -> Preferences:
        """Return these with some fields changed.

        Args:
            values: any of `prefix`, `suffix`, `quick` (list of str) and `snippets` (list of `{name, text}`).

        Raises:
            ConfigError: a field is unknown or its value cannot be used.
        """
        checks = {"prefix": _wrap, "suffix": _wrap, "quick": _quick, "snippets": _snippets}
        unknown = [key for key in values if key not in checks]
        if unknown:
            raise ConfigError(f"there is no preference {unknown[0]!r}; there are {', '.join(checks)}")
        checked: dict[str, object] = {key: checks[key](key, value) for key, value in values.items()}
        return replace(self, **checked)  # type: ignore[arg-type]

    def wrap(self, text: str) -> str:
        """Put prefix and suffix around a reply; a text that has them already is not given them twice."""
        lines = [text]
        if self.prefix and not text.startswith(self.prefix):
            lines.insert(0, self.prefix)
        if self.suffix and not text.endswith(self.suffix):
            lines.append(self.suffix)
        return "\n".join(lines)

    def to_json(self) -> dict[str, object]:
        """As the fields of the config file."""
        return {
            _KEYS["prefix"]: self.prefix,
            _KEYS["suffix"]: self.suffix,
            _KEYS["quick"]: list(self.quick),
            _KEYS["snippets"]: [{"name": item.name, "text": item.text} for item in self.snippets],
        }


def read_preferences(data: object) -> Preferences:
    """Read the fields of the config file; one that cannot be used counts as not there."""
    found = Preferences()
    for key, stored in _KEYS.items():
        if isinstance(data, dict) and stored in data:
            try:
                found = found.changed({key: data[stored]})
            except ConfigError:
                continue
    return found


def _wrap(key: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_WRAP:
        raise ConfigError(f"the {key} is a text of at most {MAX_WRAP:,} characters")
    return value.strip()


def _quick(_key: str, value: object) -> tuple[str, ...]:
    texts = [item.strip() for item in value if isinstance(item, str)] if isinstance(value, list) else None
    if texts is None or len(texts) > MAX_QUICK or any(len(text) > MAX_QUICK_TEXT for text in texts):
        raise ConfigError(f"quick answers are at most {MAX_QUICK} texts of at most {MAX_QUICK_TEXT} characters")
    return tuple(dict.fromkeys(text for text in texts if text))


def _snippets(_key: str, value: object) -> tuple[Snippet, ...]:
    if not isinstance(value, list) or len(value) > MAX_SNIPPETS:
        raise ConfigError(f"snippets are a list of at most {MAX_SNIPPETS}")
    found: dict[str, Snippet] = {}
    for item in value:
        name, text = (item.get("name"), item.get("text")) if isinstance(item, dict) else (None, None)
        if not isinstance(name, str) or not re.fullmatch(r"[\w-]{1,32}", name):
            raise ConfigError(f"a snippet's name is 1 to 32 letters, digits, '-' or '_', not {str(name)[:40]!r}")
        if not isinstance(text, str) or not text.strip() or len(text) > MAX_SNIPPET_TEXT:
            raise ConfigError(f"the snippet {name!r} needs a text of at most {MAX_SNIPPET_TEXT:,} characters")
        if name in found:
            raise ConfigError(f"there are two snippets called {name!r}; give each a name of its own")
        found[name] = Snippet(name, text)
    return tuple(found.values())
