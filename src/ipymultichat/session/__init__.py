"""One server's protocol state, without sockets, event loop or clock: bytes and times in, bytes and events out."""

from ipymultichat.session.backoff import Backoff
from ipymultichat.session.session import Phase, Session
from ipymultichat.session.timing import Timing

__all__ = ["Backoff", "Phase", "Session", "Timing"]
