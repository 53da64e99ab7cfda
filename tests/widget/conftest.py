from __future__ import annotations

from typing import Any

import pytest

from ipymultichat import MultiChat
from ipymultichat.server import LocalServer


@pytest.fixture
async def server() -> Any:
    async with LocalServer() as made:
        yield made


@pytest.fixture
def make_chat() -> Any:
    """Makes widgets that are closed after the test."""
    made = []

    def make(*args: Any, **options: Any) -> Any:
        chat = MultiChat(*args, **{"profile": ":memory:", "nickname": "me", **options})
        made.append(chat)
        return chat

    yield make
    for chat in made:
        chat.close()


@pytest.fixture
async def chat(server: LocalServer, make_chat: Any) -> Any:
    made = make_chat([{"url": server.url, "name": "Work"}], token="s3cret-token")
    await made.connect()
    return made
