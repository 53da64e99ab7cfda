"""Helpers for scripts and training loops, against real servers."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from chat_person import Person
from waiting import until

from ipymultichat.agent import AgentClient, ask_human, notify_when_done, scripts
from ipymultichat.errors import AgentTimeoutError, ConfigError, NoHumanOnlineError
from ipymultichat.server import LocalServer


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LocalServer]:
    async with LocalServer() as running:
        monkeypatch.setenv("MULTICHAT_URL", running.url)
        monkeypatch.setenv("MULTICHAT_TOKEN", "team")
        yield running


async def test_a_question_brings_what_a_person_typed_and_who_it_was(ada: Person) -> None:
    asking = asyncio.ensure_future(ask_human("Go on?"))
    await ada.reply((await ada.expect("AskQuestion")).AskQuestionRequest, "yes, do")
    answer = await asking
    assert (answer.text, answer.timed_out, answer.by, str(answer)) == ("yes, do", False, "ada", "yes, do")


async def test_options_are_offered_and_what_is_chosen_comes_back_without_its_question(ada: Person) -> None:
    asking = asyncio.ensure_future(ask_human("Which lr?", options=["1e-3", "1e-4"], default="1e-3"))
    request = (await ada.expect("AskQuestion")).AskQuestionRequest
    (structured,) = request.Request.Questions
    assert ([option.label for option in structured.options], structured.custom) == (["1e-3", "1e-4"], True)
    await ada.reply(request, "Q: Which lr?\nA: 1e-4")
    assert (await asking).text == "1e-4"


async def test_silence_brings_the_default_and_says_so(ada: Person) -> None:
    answer = await ask_human("Which lr?", default="1e-3", timeout=0.5)
    assert (answer.text, answer.timed_out, answer.by) == ("1e-3", True, "")


async def test_silence_without_a_default_is_an_error(ada: Person) -> None:
    with pytest.raises(AgentTimeoutError):
        await ask_human("Which lr?", timeout=0.5)


async def test_somebody_who_comes_online_later_is_asked(server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scripts, "ASK_AGAIN", 0.05)
    asking = asyncio.ensure_future(ask_human("Anybody?", timeout=30))
    await asyncio.sleep(0)
    late = await Person.connect(server.url)
    await late.login("team", "late")
    await late.reply((await late.expect("AskQuestion")).AskQuestionRequest, "now I am")
    assert (await asking).text == "now I am"
    await late.leave()


async def test_nobody_online_all_the_time_is_an_error_or_the_default(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts, "ASK_AGAIN", 0.05)
    with pytest.raises(NoHumanOnlineError):
        await ask_human("Anybody?", timeout=0.3)
    assert (await ask_human("Anybody?", timeout=0.3, default="no")).timed_out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"default": 5}, "a default is a string"),
        ({"options": "abc"}, "options are a list"),
        ({"timeout": -1}, "timeout"),
        ({"url": ""}, "MULTICHAT_URL"),
        ({"token": ""}, "MULTICHAT_TOKEN"),
    ],
)
async def test_arguments_that_cannot_be_used_are_named(
    server: LocalServer, given: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        await ask_human("?", **given)  # type: ignore[arg-type]


async def test_a_cell_can_wait_without_awaiting_while_its_loop_runs(ada: Person) -> None:
    before = threading.active_count()
    asking = asyncio.ensure_future(asyncio.to_thread(ask_human.sync, "Go on?"))
    await ada.reply((await ada.expect("AskQuestion")).AskQuestionRequest, "yes")
    assert (await asking).text == "yes"
    await until(lambda: threading.active_count() <= before + 1)  # the pool's own stays


async def test_ctrl_c_withdraws_the_question_of_a_script(server: LocalServer, ada: Person) -> None:
    code = "from ipymultichat.agent import ask_human; ask_human.sync('Still needed?')"
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stderr=asyncio.subprocess.DEVNULL)
    request = (await ada.expect("AskQuestion")).AskQuestionRequest
    child.send_signal(signal.SIGINT)
    assert (await ada.expect("RequestCancelled")).RequestCancelledNotification.request_id == request.ID
    assert await asyncio.wait_for(child.wait(), 20) != 0


async def test_a_report_waits_on_the_server_after_its_script_has_ended(tmp_path: Path) -> None:
    async with LocalServer(store=f"sqlite:///{tmp_path}/a.db", grace=0) as server:
        code = (
            "from ipymultichat.agent import notify_when_done\n"
            "with notify_when_done('training'): pass\n"
            "with notify_when_done('evaluation'): raise ValueError('no data')"
        )
        environment = {**os.environ, "MULTICHAT_URL": server.url, "MULTICHAT_TOKEN": "team"}
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=50
        )
        assert "ValueError: no data" in done.stderr
        ada = await Person.connect(server.url)
        await ada.login("team", "ada")
        waiting = [item.work_report_request for item in (await ada.list_pending()).pending_messages]
        assert waiting[0].Request.Summary.startswith("**training** is done after 0.")
        assert waiting[1].Request.Summary.startswith("**evaluation** crashed after 0.")
        assert "ValueError: no data" in waiting[1].Request.Summary
        assert await ada.before_answer() == []  # its agent is not called away
        await ada.reply(waiting[0], "seen")
        kept = await ada.expect("RequestState")
        assert (kept.StrParam, list(kept.CheckMessageValidityRequest.request_ids)) == ("kept", [waiting[0].ID])
        answer = await AgentClient(server.url, "team", agent_name="python").work_report(
            waiting[0].Request.Summary, request_id=waiting[0].ID, project_directory=waiting[0].Request.ProjectDirectory
        )
        assert (answer.text, answer.by) == ("seen", "ada")
        await ada.leave()


def test_a_block_is_not_harmed_by_a_report_that_cannot_be_handed_in(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with notify_when_done("training", url="ws://127.0.0.1:9", token="hunter2"):
        pass
    with pytest.raises(ZeroDivisionError), notify_when_done("training", url="ws://127.0.0.1:9", token="hunter2"):
        1 / 0  # noqa: B018
    assert len([record for record in caplog.records if "could not be handed in" in record.getMessage()]) == 2
    assert "hunter2" not in caplog.text


def test_an_address_that_is_missing_is_named_before_the_block_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MULTICHAT_URL", raising=False)
    with pytest.raises(ConfigError, match="MULTICHAT_URL"), notify_when_done("training"):
        raise AssertionError("not reached")
