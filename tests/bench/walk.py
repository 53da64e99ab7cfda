"""Prints the way of one question from its frame to the browser's comm, and of one click to `Session.reply`.

Every call of one of our own functions is a line. Those marked `→` are on the way itself: they were running when the
message reached one of its stations. The others help and return. Fails when a way is longer than it may be.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from waiting import until

import ipymultichat
from ipymultichat import MultiChat
from ipymultichat.agent import AgentClient
from ipymultichat.server import LocalServer

ROOT = Path(ipymultichat.__file__).parent
OURS = ("model", "wire", "session", "net", "inbox", "store", "hub", "widget")
"""The packages between a socket and the browser; servers and agents of the same process do not count."""

QUESTION = ("_ask", "Session._on_request", "Inbox.add", "Sync.on_change", "browser_form", "MultiChat._send")
"""Where a question is read, accepted, taken in, noted for the browser, put into its form, and handed on."""

CLICK = ("Session.reply",)

QUESTION_MOST, CLICK_MOST = 20, 10


@dataclass
class Call:
    """One call of a function of ours."""

    module: str
    name: str
    on_the_way: bool = False


@dataclass
class Walk:
    """The calls between two moments on one thread, in order."""

    begins: str
    stations: tuple[str, ...]
    calls: list[Call] = field(default_factory=list)
    done: bool = False
    _stack: list[Call | None] = field(default_factory=list)
    _passed: set[str] = field(default_factory=set)
    _begun: bool = False

    def profile(self, frame: FrameType, event: str, _argument: object) -> None:
        """See `sys.setprofile`."""
        if event == "call":
            self._stack.append(self._called(frame))
        elif event == "return" and self._stack:
            self._stack.pop()

    def _called(self, frame: FrameType) -> Call | None:
        path = Path(frame.f_code.co_filename)
        name = getattr(frame.f_code, "co_qualname", frame.f_code.co_name)
        if not path.is_relative_to(ROOT) or path.relative_to(ROOT).parts[0] not in OURS or name.endswith("comp>"):
            return None
        self._begun = self._begun or name.endswith(self.begins)
        if not self._begun or self.done:
            return None
        call = Call(path.relative_to(ROOT).as_posix(), name)
        self.calls.append(call)
        if name.endswith(self.stations):
            for other in (*self._stack, call):
                if other is not None:
                    other.on_the_way = True
        self._passed.add(next((station for station in self.stations if name.endswith(station)), ""))
        self.done = name.endswith(self.stations[-1]) and self._passed.issuperset(self.stations)
        return call


@contextmanager
def walking(begins: str, stations: tuple[str, ...]) -> Iterator[Walk]:
    """Note every call from the first of `begins` until all stations are passed, the last one last."""
    walk = Walk(begins, stations)
    here = threading.get_ident()

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        if threading.get_ident() == here:
            walk.profile(frame, event, argument)

    sys.setprofile(profile)
    try:
        yield walk
    finally:
        sys.setprofile(None)


def show(title: str, walk: Walk, most: int) -> bool:
    """Print a walk; returns whether it is short enough."""
    way = [call for call in walk.calls if call.on_the_way]
    print(f"\n{title}")
    for call in walk.calls:
        print(f"  {'→' if call.on_the_way else ' '} {call.module:<28} {call.name}")
    modules = {call.module for call in way}
    print(f"  {len(way)} calls on the way (at most {most}), in {len(modules)} modules; {len(walk.calls)} calls in all")
    return len(way) <= most


async def main() -> int:
    """Walk both ways; returns 1 when one is too long."""
    async with LocalServer() as server:
        chat = MultiChat([server.url], token="tok", nickname="me", profile="walk")
        chat._sync.receive({"type": "sync", "client": "tab"})
        await chat.connect()
        await asyncio.sleep(0.2)  # what the connection changed has gone out
        with walking("Link._on_frame", QUESTION) as question:
            agent = asyncio.ensure_future(AgentClient(server.url, "tok").ask_question("Deploy?"))
            await until(lambda: question.done)
        (message,) = chat.messages.pending
        click = {"type": "command", "client": "tab", "ref": 1, "name": "reply"}
        with walking("Sync.receive", CLICK) as reply:
            chat._sync.receive({**click, "args": {"message_id": message.id, "text": "yes"}})
        await agent
        chat.close()
    short = [
        show("A question: from its frame to the browser's comm", question, QUESTION_MOST),
        show("A click on Reply: from the browser's message to Session.reply", reply, CLICK_MOST),
    ]
    return 0 if all(short) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
