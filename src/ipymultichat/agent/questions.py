"""Structured questions as an agent writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ipymultichat.errors import ConfigError
from ipymultichat.model import Option, Question

_QUESTION_KEYS = ("question", "header", "options", "multiple", "custom")
_OPTION_KEYS = ("label", "description")


def question_of(value: Question | Mapping[str, object]) -> Question:
    """Return one structured question, checked.

    Args:
        value: a `Question`, or a mapping with `question` and optionally `header`, `options` (each an `Option`, a
            label, or a mapping with `label` and `description`), `multiple` and `custom`.

    Raises:
        ConfigError: naming the key or value that does not fit.
    """
    if isinstance(value, Question):
        fields: Mapping[str, object] = {key: getattr(value, key) for key in _QUESTION_KEYS}
    elif isinstance(value, Mapping):
        fields = value
    else:
        raise ConfigError(f"a question is a Question or a mapping with 'question', not {value!r}", value=value)
    _check_keys(fields, _QUESTION_KEYS, "question")
    options = fields.get("options", ())
    if isinstance(options, (str, bytes, Mapping)) or not isinstance(options, Iterable):
        raise ConfigError(f"'options' of a question is a list, not {options!r}", value=options)
    return Question(
        question=_text(fields, "question", required=True),
        header=_text(fields, "header"),
        options=tuple(map(_option_of, options)),
        multiple=_flag(fields, "multiple"),
        custom=_flag(fields, "custom"),
    )


def _option_of(value: object) -> Option:
    if isinstance(value, Option):
        value = {"label": value.label, "description": value.description}
    if isinstance(value, str):
        value = {"label": value}
    if not isinstance(value, Mapping):
        raise ConfigError(f"an option is a label, an Option or a mapping with 'label', not {value!r}", value=value)
    _check_keys(value, _OPTION_KEYS, "option")
    return Option(label=_text(value, "label", required=True), description=_text(value, "description"))


def _check_keys(fields: Mapping[str, object], known: tuple[str, ...], what: str) -> None:
    unknown = [key for key in fields if key not in known]
    if unknown:
        raise ConfigError(f"unknown key {unknown[0]!r} in a {what}; known are {', '.join(known)}", value=unknown[0])


def _text(fields: Mapping[str, object], key: str, *, required: bool = False) -> str:
    value = fields.get(key, "")
    if not isinstance(value, str) or (required and not value.strip()):
        raise ConfigError(f"{key!r} is {'a non-empty' if required else 'a'} string, not {value!r}", value=value)
    return value


def _flag(fields: Mapping[str, object], key: str) -> bool:
    value = fields.get(key, False)
    if not isinstance(value, bool):
        raise ConfigError(f"{key!r} is True or False, not {value!r}", value=value)
    return value
