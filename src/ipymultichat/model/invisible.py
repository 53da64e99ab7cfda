"""Text with nothing hidden in it."""

from __future__ import annotations

import re

# What honest scripts and emoji need (joiners, the two direction marks, the sign after a symbol that makes it an emoji)
# is not in here; fillers that look like nothing are.
_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u2028\u2029\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\u2800\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef\x00-\x1f\x7f-\x9f"
    "\ud800-\udfff]"
    "|(?<![#*0-9\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff])\ufe0f"
)


def escape_invisible(name: str) -> str:
    """Write out the characters of a name that nobody sees: they make two names look alike, or turn the text around.

    Returns:
        The name, with such a character as `⟦U+202E⟧`.
    """
    if name.isascii() and name.isprintable():
        return name
    return _HIDDEN.sub(lambda found: f"⟦U+{ord(found[0]):04X}⟧", name)
