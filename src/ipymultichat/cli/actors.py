"""Who fills the demo with life: agents that ask, and a colleague who chats."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable

from ipymultichat.agent import AgentClient
from ipymultichat.errors import AgentError, AgentTimeoutError, NoHumanOnlineError
from ipymultichat.hub import Chat
from ipymultichat.model import Message, Option, Question

_PATIENCE = 3600
_DEPLOY = """Build **142** is green. Deploy it to *staging*?

```python
for host in ("stage-1", "stage-2"):
    deploy(host, build=142, drain=True)
```

| check | result |
| --- | --- |
| unit tests | 412 passed |
| smoke test | 18 s |
"""
_REPORT = """Refactored the loader into three modules.

- 12 tests pass, 2 are new
- loading the sample file takes 0.8 s instead of 2.1 s
"""
_FORMAT = Question(
    question="Which file format should the nightly export use?",
    header="Format",
    options=(
        Option("Parquet (Recommended)", "columnar, small, typed"),
        Option("CSV", "opens everywhere"),
        Option("Arrow IPC", "fastest to load"),
    ),
    custom=True,
)


async def _insist(who: str, call: Callable[[], Awaitable[object]]) -> None:
    """Ask until somebody answers: again when nobody is online, and when the time for it is over."""
    while True:
        try:
            answer = await call()
        except (AgentTimeoutError, NoHumanOnlineError):
            await asyncio.sleep(1)
        except AgentError as error:
            print(f"{who}: {error}", flush=True)
            return
        else:
            print(f"{who} got the answer: {answer}", flush=True)
            return


async def _agents(home: str, work: str, token: str) -> None:
    claude = AgentClient(work, token, agent_name="claude-code", model_name="opus", project_directory="~/proj/api")
    exporter = AgentClient(work, token, agent_name="exporter", model_name="haiku", project_directory="~/proj/etl")
    cursor = AgentClient(home, token, agent_name="cursor", model_name="gpt", project_directory="~/proj/loader")
    await asyncio.gather(
        _insist("claude-code on Work", lambda: claude.ask_question(_DEPLOY, timeout=_PATIENCE)),
        _insist("exporter on Work", lambda: exporter.ask_question(questions=[_FORMAT], timeout=_PATIENCE)),
        _insist("cursor on Home", lambda: cursor.work_report(_REPORT, timeout=_PATIENCE)),
    )


async def _colleague(work: str, token: str) -> None:
    """Ada, on the Work server: greets whoever comes, and answers."""
    chat = Chat([{"url": work, "name": "Work"}], token=token, nickname="ada", profile=":memory:")
    greeted: set[str] = set()

    @chat.on_message(kind="chat")
    def answer(message: Message) -> str:
        return f"“{message.text}”: noted, thanks!"

    await chat.connect()
    while True:
        for user in chat.users:
            if user.nickname not in greeted:
                greeted.add(user.nickname)
                chat.send(user, "Hi! Lunch at noon?")
        await asyncio.sleep(1)


async def _play(home: str, work: str, token: str) -> None:
    play = asyncio.gather(_agents(home, work, token), _colleague(work, token))
    with contextlib.suppress(NotImplementedError):  # Windows' loop has none, and the demo does not ask there
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, play.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await play


def main() -> None:
    """Run all of them until the process is ended; the token comes from `$MULTICHAT_TOKEN`."""
    parser = argparse.ArgumentParser()
    parser.add_argument("home")
    parser.add_argument("work")
    args = parser.parse_args()
    asyncio.run(_play(args.home, args.work, os.environ["MULTICHAT_TOKEN"]))


if __name__ == "__main__":
    main()
