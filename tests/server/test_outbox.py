from typing import Any

import pytest

from ipymultichat.errors import ConfigError
from ipymultichat.server import Limits
from ipymultichat.server.outbox import Outbox


class Wire:
    """Stands for a websocket; notes what goes out."""

    def __init__(self) -> None:
        self.sent: list[object] = []

    async def send_bytes(self, data: bytes) -> None:
        self.sent.append(data)

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        self.sent.append((code, reason))


def make_outbox(max_bytes: int = 10) -> Outbox:
    return Outbox(max_bytes=max_bytes, abort=lambda: None)


async def test_everything_queued_goes_out_in_order_before_the_close() -> None:
    outbox, wire = make_outbox(), Wire()
    assert outbox.put(b"1234")
    assert outbox.put(b"567890")
    outbox.close(1008, "bye")
    await outbox.drain(wire)
    assert wire.sent == [b"1234", b"567890", (1008, "bye")]


async def test_more_bytes_than_allowed_do_not_fit() -> None:
    outbox = make_outbox()
    assert outbox.put(b"1234567890")
    assert not outbox.put(b"1")


async def test_one_frame_alone_may_be_larger_than_the_queue() -> None:
    assert make_outbox().put(b"x" * 100)


async def test_it_counts_what_waits() -> None:
    outbox = make_outbox()
    outbox.put(b"1")
    outbox.put(b"2")
    assert len(outbox) == 2


async def test_bytes_sent_make_room() -> None:
    outbox, wire = make_outbox(), Wire()
    outbox.put(b"1234567890")
    outbox.close(1000, "")
    await outbox.drain(wire)
    assert outbox.put(b"1234567890")


@pytest.mark.parametrize("value", [0, -1, 1.5, "3", True])
def test_limits_are_whole_numbers_above_zero(value: Any) -> None:
    with pytest.raises(ConfigError, match="max_clients"):
        Limits(max_clients=value)
