"""Frozen dataclasses that are made quickly: one of each is made for every message that comes in."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any, TypeVar

if sys.version_info >= (3, 11):
    from typing import dataclass_transform
else:
    from typing_extensions import dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def frozen(cls: type[T]) -> type[T]:
    """Make a class a frozen dataclass, as `dataclass(frozen=True)` does, whose objects are made in half the time.

    The usual `__init__` of a frozen dataclass goes through `object.__setattr__` for each field; this one sets the slots
    directly. Measured for `Message` on Python 3.11: 6.3 µs before, 2.9 µs so (`make bench`).

    Raises:
        TypeError: the class has a `__post_init__` or a default factory, which this `__init__` does not know.
    """
    made = dataclasses.dataclass(frozen=True, slots=True)(cls)
    fields = dataclasses.fields(made)  # type: ignore[arg-type]
    if hasattr(made, "__post_init__") or any(field.default_factory is not dataclasses.MISSING for field in fields):
        raise TypeError(f"{cls.__name__} cannot be made so: it has a __post_init__ or a default factory")
    defaults: dict[str, Any] = {
        f"_{field.name}": field.default for field in fields if field.default is not dataclasses.MISSING
    }
    parameters = [f"{field.name}=_{field.name}" if f"_{field.name}" in defaults else field.name for field in fields]
    setters = {f"_set_{field.name}": getattr(made, field.name).__set__ for field in fields}
    lines = [f"    _set_{field.name}(self, {field.name})" for field in fields]
    source = "\n".join((f"def __init__(self, {', '.join(parameters)}):", *(lines or ["    pass"])))
    defaults |= setters
    exec(source, defaults)  # noqa: S102  as dataclasses do; the names come from our own classes
    defaults["__init__"].__qualname__ = f"{cls.__qualname__}.__init__"
    made.__init__ = defaults["__init__"]  # type: ignore[method-assign]
    return made
