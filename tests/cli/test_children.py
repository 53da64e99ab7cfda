"""The processes of a demo where processes form no groups, as on Windows: the fallback, tried without them."""

import asyncio
import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from ipymultichat.cli import actors
from ipymultichat.cli.children import Children
from ipymultichat.errors import AgentTimeoutError, NoHumanOnlineError

STEADY = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)


def test_without_groups_each_process_is_ended_by_itself_and_no_guard_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "killpg")
    started: list[Any] = []
    popen = subprocess.Popen

    def note(command: list[str], **options: Any) -> Any:
        started.append(command)
        return popen(command, **options)

    monkeypatch.setattr(subprocess, "Popen", note)
    with Children() as children:
        child = children.start("steady", [sys.executable, "-c", STEADY], os.environ, read_output=True)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        assert child.poll() is None
    assert child.returncode == -signal.SIGKILL
    assert started == [[sys.executable, "-c", STEADY]]
    child.stdout.close()


async def test_the_actors_play_on_a_loop_that_takes_no_signal_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_args: object) -> None:
        return None

    def refuse(*_args: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(actors, "_agents", nothing)
    monkeypatch.setattr(actors, "_colleague", nothing)
    monkeypatch.setattr(asyncio.get_running_loop(), "add_signal_handler", refuse)
    await actors._play("ws://home", "ws://work", "token")


async def test_an_agent_of_the_demo_asks_again_when_its_time_is_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def at_once(_seconds: float) -> None:
        return None

    calls = iter((AgentTimeoutError("nobody answered"), NoHumanOnlineError("nobody is online"), "yes"))

    async def call() -> object:
        outcome = next(calls)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(asyncio, "sleep", at_once)
    await actors._insist("claude", call)
    assert capsys.readouterr().out == "claude got the answer: yes\n"
