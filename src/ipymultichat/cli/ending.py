"""How a command that runs for long is ended: Ctrl-C, SIGTERM, the hang-up of its terminal."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn


def ending_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that end a command; SIGHUP is one unless the process ignores it, as `nohup` has it do."""
    hangup: signal.Signals | None = getattr(signal, "SIGHUP", None)
    if hangup is None or signal.getsignal(hangup) is signal.SIG_IGN:
        return signal.SIGINT, signal.SIGTERM
    return signal.SIGINT, signal.SIGTERM, hangup


def restore_interrupts() -> None:
    """Let SIGINT interrupt again where whoever started this process ignores it, as shells do for background jobs.

    Otherwise the process, and all that it starts, could not be interrupted.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


def end_as_interrupt() -> None:
    """Let every ending signal raise KeyboardInterrupt, once: those that follow do not disturb the tidying up."""
    for number in ending_signals():
        signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    for other in ending_signals():
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextlib.contextmanager
def postponed() -> Iterator[None]:
    """Hold back ending signals that would raise within the block until it has ended."""
    arrived: list[int] = []
    handlers = {number: signal.getsignal(number) for number in ending_signals()}
    held = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in held:
        signal.signal(number, lambda caught, _: arrived.append(caught))
    try:
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
        for late in arrived:
            signal.raise_signal(late)
