"""Names as they came in, with nothing hidden in them."""

from __future__ import annotations

import re

# What honest scripts and emoji need (joiners, the two direction marks) is not in here.
_HIDDEN = re.compile(
    "[\u00ad\u061c\u180e\u200b\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\x00-\x1f\x7f-\x9f]"
)


def escape_invisible(name: str) -> str:
    """Write out the characters of a name that nobody sees: they make two names look alike, or turn the text around.

    Returns:
        The name, with such a character as `⟦U+202E⟧`.
    """
    if name.isascii() and name.isprintable():
        return name
    return _HIDDEN.sub(lambda found: f"⟦U+{ord(found[0]):04X}⟧", name)
