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
    page = _hostname(origin)
    if page is None:
        return False
    address = _address(page)
    if address is None:
        return page == "localhost" or page.endswith(".localhost")
    return address.is_loopback or page == _hostname(f"//{host or ''}")


def _hostname(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
