from __future__ import annotations

from typing import Any

import pytest

from ipymultichat.errors import ConfigError
from ipymultichat.model import OnlineUser, ServerConfig, server_config


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ("ws://host:2000", "ws://host:2000/ws"),
        ("  ws://HOST:2000/  ", "ws://host:2000/ws"),
        ("wss://chat.example.org", "wss://chat.example.org/ws"),
        ("ws://host:80/ws", "ws://host/ws"),
        ("wss://host:443/chat?team=a", "wss://host/chat?team=a"),
        ("WS://[::1]:2000", "ws://[::1]:2000/ws"),
        ("localhost:2000", "ws://localhost:2000/ws"),
        (" LocalHost ", "ws://localhost/ws"),
        ("127.0.0.1:2000/chat", "ws://127.0.0.1:2000/chat"),
        ("[::1]:2000", "ws://[::1]:2000/ws"),
    ],
)
def test_an_address_takes_its_full_form(given: Any, full: Any) -> None:
    assert server_config(given).url == full


@pytest.mark.parametrize(
    ("bad", "remedy"),
    [
        ("http://x", "ws://x"),
        ("https://x:1", "wss://x:1"),
        ("ws://", "host is missing"),
        ("ws://h:99999", "1 to 65535"),
        ("ws://h:0", "1 to 65535"),
        ("ws://h:port", "1 to 65535"),
        ("nonsense", "ws:// or wss://"),
        ("localhost.example.org:2000", "ws:// or wss://"),
        ("localhost:port", "1 to 65535"),
        ("", "ws:// or wss://"),
        ("ws:h", "ws:// or wss://"),
        ("ws://a b", "blank"),
        ("ws://h/#x", "'#'"),
        ("ws://[::1", "ws://localhost:2000"),
        (5, "dict"),
        (None, "dict"),
        ({"name": "Work"}, "needs 'url'"),
        ({"url": "ws://h", "colour": 1}, "colour"),
        ({"url": "ws://h", "name": "x" * 65}, "64"),
        ({"url": "ws://h", "name": "a\nb"}, "printable"),
    ],
)
def test_a_bad_entry_is_refused_with_the_remedy(bad: Any, remedy: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        server_config(bad)
    assert remedy in str(caught.value)


def test_a_password_in_an_address_is_refused_without_being_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        server_config("ws://ada:hunter2@h/ws")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value.value)


def test_the_label_is_the_alias_else_host_and_port() -> None:
    assert ServerConfig(id="a", name="Work", url="ws://h:1").label == "Work"
    assert server_config("ws://h:1").label == "h:1"


def test_an_address_has_the_same_id_in_every_kernel_and_another_address_another_one() -> None:
    assert server_config("ws://h").id == server_config("ws://h/ws").id != server_config("ws://h:1").id


def test_a_user_is_titled_with_the_server() -> None:
    assert OnlineUser("1", "ada", "s1", "Work").title == "ada@Work"
