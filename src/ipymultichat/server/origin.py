"""Which web pages may talk to the embedded server."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit


def origin_allowed(origin: str | None, host: str | None, allowed: Collection[str]) -> bool:
    """Decide whether a caller may connect, going by its `Origin` header.

    Browsers always send one, so that a page opened from anywhere cannot reach a server on this machine unnoticed;
    programs send none. A page from this machine is welcome, and so is one that was loaded from the very address it
    now calls, when that is a number: a *name* could have been pointed at this machine by its owner meanwhile.

    Args:
        origin: the `Origin` header, or None.
        host: the `Host` header, or None.
        allowed: more origins, as `https://name:port`; "*" stands for all.
    """
    if origin is None or "*" in allowed or origin.lower() in {entry.lower().rstrip("/") for entry in allowed}:
        return True
    page = hostname_of(origin)
    if page is None:
        return False
    return is_local(page) or (_address(page) is not None and page == hostname_of(f"//{host or ''}"))


def is_local(host: str) -> bool:
    """Whether a name or address without a port is that of this machine, whoever asks."""
    address = _address(host)
    return host == "localhost" or host.endswith(".localhost") if address is None else address.is_loopback


def hostname_of(url: str) -> str | None:
    """Return the name or address in a URL, in lower case and without brackets; None where there is none."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
