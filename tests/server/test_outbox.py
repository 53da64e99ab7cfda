import pytest

from ipymultichat.errors import ConfigError
from ipymultichat.server import Limits
from ipymultichat.server.outbox import Outbox


class Wire:
    """Stands for a websocket; notes what goes out."""

    def __init__(self):
        self.sent = []

    async def send_bytes(self, frame):
        self.sent.append(frame)

    async def close(self, code, reason):
        self.sent.append((code, reason))


def make_outbox(max_bytes=10, max_frames=None):
    return Outbox(max_bytes=max_bytes, max_frames=max_frames, abort=lambda: None)


async def test_everything_queued_goes_out_in_order_before_the_close():
    outbox, wire = make_outbox(), Wire()
    assert outbox.put(b"1234")
    assert outbox.put(b"567890")
    outbox.close(1008, "bye")
    await outbox.drain(wire)
    assert wire.sent == [b"1234", b"567890", (1008, "bye")]


async def test_more_bytes_than_allowed_do_not_fit():
    outbox = make_outbox()
    assert outbox.put(b"1234567890")
    assert not outbox.put(b"1")


async def test_one_frame_alone_may_be_larger_than_the_queue():
    assert make_outbox().put(b"x" * 100)


async def test_bytes_sent_make_room():
    outbox, wire = make_outbox(), Wire()
    outbox.put(b"1234567890")
    outbox.close(1000, "")
    await outbox.drain(wire)
    assert outbox.put(b"1234567890")


async def test_a_bound_on_frames_drops_only_what_may_be_lost():
    outbox = make_outbox(max_frames=2)
    assert outbox.put(b"1")
    assert outbox.put(b"2")
    assert outbox.put(b"3", may_lose=True)
    assert not outbox.put(b"4")
    outbox.close(1000, "")
    wire = Wire()
    await outbox.drain(wire)
    assert wire.sent[:-1] == [b"1", b"2"]


@pytest.mark.parametrize("value", [0, -1, 1.5, "3", True])
def test_limits_are_whole_numbers_above_zero(value):
    with pytest.raises(ConfigError, match="max_clients"):
        Limits(max_clients=value)
