from typing import Any

import pytest

from ipymultichat.agent.address import is_loopback, rpc_base
from ipymultichat.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("ws://localhost:2000", "http://localhost:2000"),
        ("ws://localhost:2000/", "http://localhost:2000"),
        ("ws://localhost:2000/ws", "http://localhost:2000"),
        ("WS://LocalHost:2000/ws/", "http://localhost:2000"),
        ("http://localhost:2000", "http://localhost:2000"),
        ("https://chat.example", "https://chat.example"),
        ("wss://chat.example/team/ws", "https://chat.example/team"),
        ("ws://[::1]:2000/ws", "http://[::1]:2000"),
        (" ws://localhost:2000 ", "http://localhost:2000"),
        ("localhost:2000", "http://localhost:2000"),
    ],
)
def test_one_server_whichever_way_it_is_written(url: Any, base: str) -> None:
    assert rpc_base(url) == base


@pytest.mark.parametrize("url", ["", "host:2000", "ftp://x", "ws://", "ws://x:0", "ws://a b", None, 5])
def test_an_address_that_cannot_be_used(url: Any) -> None:
    with pytest.raises(ConfigError):
        rpc_base(url)


def test_a_password_in_the_address_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        rpc_base("http://me:hunter2@x")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("http://localhost:1", True),
        ("http://a.localhost", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:1", True),
        ("http://10.0.0.1", False),
        ("http://localhost.example", False),
    ],
)
def test_loopback(base: str, expected: bool) -> None:
    assert is_loopback(base) is expected
