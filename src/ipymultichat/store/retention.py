"""How much of the history is kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ipymultichat.errors import ConfigError

MAX_DAYS = 36_500
MAX_MEBIBYTES = 2**20

_KEYS = {"days": "history_days", "mebibytes": "history_mib"}


@dataclass(frozen=True)
class Retention:
    """How much is kept. What waits, is on its way or failed never leaves.

    Attributes:
        days: older messages leave; 0: never for their age.
        mebibytes: the oldest leave while the file is larger; 0: however large it is.

    Raises:
        ConfigError: a value is no such number; it says what to write instead.
    """

    days: float = 0
    mebibytes: int = 1024

    def __post_init__(self) -> None:
        days, size = self.days, self.mebibytes
        if not _number(days) or not 0 <= days <= MAX_DAYS:
            raise ConfigError(
                f"the history keeps messages for 0 to {MAX_DAYS:,} days, not {days!r}; write 0 to keep them for good",
                value=days,
            )
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_MEBIBYTES:
            raise ConfigError(
                f"the history's size is a whole number of 0 to {MAX_MEBIBYTES:,} MiB, not {size!r}; "
                "write 0 for no limit",
                value=size,
            )

    def changed(self, values: Mapping[str, object]) -> Retention:
        """Return this with some fields changed.

        Args:
            values: any of `days` and `mebibytes`.

        Raises:
            ConfigError: a field is unknown or its value cannot be used.
        """
        unknown = [key for key in values if key not in _KEYS]
        if unknown:
            raise ConfigError(f"there is no {unknown[0]!r} in the history's settings; there are {', '.join(_KEYS)}")
        return replace(self, **values)  # type: ignore[arg-type]

    def to_json(self) -> dict[str, object]:
        """As the fields of the config file."""
        return {_KEYS["days"]: self.days, _KEYS["mebibytes"]: self.mebibytes}


def read_retention(data: object) -> Retention:
    """Read the fields of the config file; one that cannot be used counts as not there."""
    found = Retention()
    for key, stored in _KEYS.items():
        if isinstance(data, dict) and stored in data:
            try:
                found = found.changed({key: data[stored]})
            except ConfigError:
                continue
    return found


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
