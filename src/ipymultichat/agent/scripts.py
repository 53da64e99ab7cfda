"""Helpers for scripts and training loops: ask the person, or let them know when something is done."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import datetime as dt
import functools
import logging
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import random
from typing import Any, Final, ParamSpec, TypeVar

from ipymultichat.agent.client import AgentClient
from ipymultichat.errors import (
    AgentTimeoutError,
    ConfigError,
    MultiChatError,
    NoHumanOnlineError,
    ServerUnreachableError,
)
from ipymultichat.model import Option, Question, Secret

ResultT = TypeVar("ResultT")
AskP = ParamSpec("AskP")

log: logging.Logger = logging.getLogger("ipymultichat.agent")

ASK_AGAIN = 5.0
"""Seconds, about, until a question is asked again that nobody was there for, or that no server took."""

NOTICE_SECONDS = 24 * 3600
"""Seconds for which a report waits to be seen."""

HAND_IN_SECONDS = 20
"""Seconds to hand a report in: the script it reports on wants to end."""

TRACE_LINES = 15
"""Lines of a traceback that a report shows."""


@dataclass(frozen=True)
class HumanAnswer:
    """What a person said, or the default in its place.

    Attributes:
        text: the answer; of several chosen options, joined by a comma and a blank.
        timed_out: whether nobody answered in time, so that this is the default.
        by: the nickname of who answered, where the server says it; else "".
    """

    text: str
    timed_out: bool = False
    by: str = ""

    def __str__(self) -> str:
        return self.text


def _waiting(ask: Callable[AskP, Coroutine[Any, Any, ResultT]]) -> Callable[AskP, ResultT]:
    """Return what does the same and waits, without a loop of one's own to await on."""

    @functools.wraps(ask)
    def sync(*args: AskP.args, **options: AskP.kwargs) -> ResultT:
        return _run_apart(lambda: ask(*args, **options))

    return sync


class _AskHuman:
    """`await ask_human(…)`; in a plain script, a training loop or a notebook cell `ask_human.sync(…)` does the same.

    Ctrl-C withdraws the question.
    """

    async def __call__(
        self,
        question: str,
        *,
        options: Sequence[str] = (),
        default: str | None = None,
        timeout: float = 600,
        url: str | None = None,
        token: str | Secret | None = None,
        agent_name: str | None = None,
        model_name: str = "",
    ) -> HumanAnswer:
        """Ask a question, and wait for a person's answer. Cancelling the wait withdraws it.

        While nobody is online, or the server cannot be reached, it is asked again until the time is over.

            answer = await ask_human("Which lr?", options=["1e-3", "1e-4"], default="1e-3", timeout=600)
            if answer.timed_out: ...

        Args:
            question: the question (Markdown).
            options: to choose from; a person may always write something else.
            default: what is returned when nobody answers in time; None raises in that case. Silence is never taken for
                an answer unless this says so, and `timed_out` tells.
            timeout: seconds to wait in all.
            url: the server; None takes `$MULTICHAT_URL`.
            token: the group that is asked; None takes `$MULTICHAT_TOKEN`.
            agent_name: who asks, as people see it; None takes the script's name.
            model_name: the model that asks, as people see it.

        Returns:
            The answer.

        Raises:
            AgentTimeoutError: nobody answered in time, and there is no default.
            NoHumanOnlineError: nobody was online all the time, and there is no default.
            ServerUnreachableError: the server could not be reached all the time, and there is no default.
            AgentError: a person declined, or the server refused the question.
            ConfigError: an argument cannot be used, or there is no address or token.
        """
        if default is not None and not isinstance(default, str):
            raise ConfigError(f"a default is a string, not {default!r}", value=default)
        if isinstance(options, str):
            raise ConfigError(f"options are a list, not one string: [{options!r}]", value=options)
        structured = [Question(question, options=_options(options), custom=True)] if options else []
        async with _client(url, token, agent_name, model_name) as client:
            end = time.monotonic() + timeout
            request_id: str | None = None
            while True:
                try:
                    left = max(end - time.monotonic(), 0.001) if request_id else timeout
                    answer = await client.ask_question(
                        question, questions=structured, timeout=left, request_id=request_id
                    )
                    return HumanAnswer(_plain(question, answer.text), by=answer.by)
                except (AgentTimeoutError, NoHumanOnlineError, ServerUnreachableError) as error:
                    request_id = error.request_id or None
                    left = end - time.monotonic()
                    if not isinstance(error, AgentTimeoutError) and left > 0:
                        log.info("%s; asked again", error)
                        await asyncio.sleep(min(ASK_AGAIN * (0.5 + random()), left))  # noqa: S311  (no secret)
                        if time.monotonic() < end:
                            continue
                    if default is None:
                        raise
                    log.warning("nobody answered within %g s, the default is used: %s", timeout, error)
                    return HumanAnswer(default, timed_out=True)

    sync: Final = _waiting(__call__)


ask_human: _AskHuman = _AskHuman()


@contextmanager
def notify_when_done(title: str, *, url: str | None = None, token: str | Secret | None = None) -> Iterator[None]:
    """Hand in a report when the block ends, or how it crashed.

    Where the server keeps reports, it waits there for 24 h to be seen, and the script goes on at once; elsewhere the
    script waits up to 20 s for somebody to see it. That it could not be handed in is logged, never an error of the
    block.

        with notify_when_done("training"):
            train()

    Args:
        title: what was done.
        url: the server; None takes `$MULTICHAT_URL`.
        token: the group that is told; None takes `$MULTICHAT_TOKEN`.

    Raises:
        ConfigError: there is no address or token, or one cannot be used; at the beginning, not after hours.
    """
    _client(url, token)
    began = time.monotonic()
    try:
        yield
    except BaseException as error:
        _hand_in(_crashed(title, time.monotonic() - began, error), url, token)
        raise
    _hand_in(f"**{title}** is done after {_span(time.monotonic() - began)}, on {socket.gethostname()}.", url, token)


def _hand_in(summary: str, url: str | None, token: str | Secret | None) -> None:
    async def hand_in() -> None:
        async with _client(url, token) as client:
            await client.notify(summary, timeout=NOTICE_SECONDS, patience=HAND_IN_SECONDS)

    try:
        _run_apart(hand_in)
    except MultiChatError as error:
        log.warning("the report could not be handed in: %s", error)


def _crashed(title: str, seconds: float, error: BaseException) -> str:
    how = "was interrupted" if isinstance(error, KeyboardInterrupt) else "crashed"
    head = f"**{title}** {how} after {_span(seconds)}, on {socket.gethostname()}."
    if not isinstance(error, Exception):
        return head
    lines = "".join(traceback.format_exception(error)).splitlines()[-TRACE_LINES:]
    return head + "\n\n```\n" + "\n".join(lines).replace("```", "` ` `") + "\n```"


def _span(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else str(dt.timedelta(seconds=round(seconds)))


def _client(
    url: str | None, token: str | Secret | None, agent_name: str | None = None, model_name: str = ""
) -> AgentClient:
    url = url if url is not None else os.environ.get("MULTICHAT_URL")
    token = token if token is not None else os.environ.get("MULTICHAT_TOKEN")
    if not url:
        raise ConfigError("no server: set $MULTICHAT_URL or pass url=")
    if not token:
        raise ConfigError("no token: set $MULTICHAT_TOKEN or pass token=")
    if agent_name is None:
        agent_name = Path(sys.argv[0]).name if sys.argv and sys.argv[0] not in ("", "-c", "-m") else "python"
    return AgentClient(url, token, agent_name=agent_name, model_name=model_name)


def _options(labels: Sequence[str]) -> tuple[Option, ...]:
    return tuple(Option(label) for label in labels)


def _plain(question: str, text: str) -> str:
    """Return what was chosen or typed, without the lines that name the question."""
    head = f"Q: {question}\nA: "
    return text.removeprefix(head)


def _run_apart(work: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT:
    """Run something to its end in a loop of its own, in a thread: this one's may be running already."""
    outcome: concurrent.futures.Future[ResultT] = concurrent.futures.Future()
    started: concurrent.futures.Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[ResultT]]]
    started = concurrent.futures.Future()

    async def main() -> ResultT:
        task = asyncio.create_task(work())
        started.set_result((asyncio.get_running_loop(), task))
        return await task

    def run() -> None:
        try:
            outcome.set_result(asyncio.run(main()))
        except BaseException as error:  # noqa: BLE001  (it is raised where it is waited for)
            outcome.set_exception(error)

    thread = threading.Thread(target=run, name="ipymultichat-agent")
    thread.start()
    try:
        return outcome.result()
    except KeyboardInterrupt:
        loop, task = started.result()
        with contextlib.suppress(RuntimeError):  # it has ended meanwhile
            loop.call_soon_threadsafe(task.cancel)
        raise
    finally:
        thread.join()
