"""Every waiting time of a session in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Waiting times, in seconds.

    Attributes:
        login: for the answer to `UserLogin`.
        answer: for the answer to any other request; a server may never answer (measured: an empty token).
        min_bytes_per_second: bytes per second that a way to the server has at least; a large reply gets as much longer.
        settle: how long a server may go on listing a request that was answered.
        grace: how long the news of somebody else's answer may come after a check that shows it.
        resend_first, resend_cap: between two sends of the same reply, doubling.
        recheck: before verifying that a request somebody else answered is really gone.
        chat_gap: between two chat messages, so that the receiver's queue of 10 is not overrun (measured: 1 ms is
            enough, a burst is not).
    """

    login: float = 10.0
    answer: float = 10.0
    min_bytes_per_second: float = 65_536.0
    settle: float = 0.1
    grace: float = 0.05
    resend_first: float = 0.2
    resend_cap: float = 5.0
    recheck: float = 0.5
    chat_gap: float = 0.005


MAX_SENDS = 12
"""How often one reply is sent on one connection before it is reported as failed."""

MAX_SILENT_CHECKS = 3
"""How many unanswered checks in a row before a reply is reported as failed."""
