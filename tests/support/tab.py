"""A browser tab without a browser: what it is sent, and how it asks."""

from collections.abc import Sequence
from typing import Any

from waiting import until

from ipymultichat import MultiChat


class Tab:
    def __init__(self, chat: MultiChat) -> None:
        self.chat = chat
        self.frames: list[dict[str, Any]] = []
        self.refs = 0

        def keep(content: dict[str, Any], buffers: Any = None) -> None:
            self.frames.append({**content, "buffers": buffers})
            chat._send_frame(content, buffers)

        chat._sync._send = lambda: keep

    def say(self, buffers: Sequence[Any] = (), /, **content: Any) -> None:
        """Send a message without waiting."""
        self.chat._sync.receive(content, buffers)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The frames of one type, in order."""
        return [frame for frame in self.frames if frame["type"] == kind]

    async def ask(self, buffers: Sequence[Any] = (), /, **content: Any) -> dict[str, Any]:
        """Send a message and return the frame that answers it."""
        self.refs += 1
        ref = f"ask-{self.refs}"
        self.say(buffers, **content, ref=ref)
        (answer,) = await until(lambda: [frame for frame in self.frames if frame.get("ref") == ref])
        return answer

    async def command(self, name: str, /, **args: Any) -> dict[str, Any]:
        """Run a command and return its result."""
        return await self.ask(type="command", client="tab", name=name, args=args)
