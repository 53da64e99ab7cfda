"""Several tokens with names, in a file that may change while the server runs."""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from chat_person import Enter, question
from waiting import until

from ipymultichat.agent import AgentClient
from ipymultichat.errors import ConfigError, RequestRefusedError
from ipymultichat.server import LocalServer, local
from ipymultichat.wire import agentassist_pb2 as pb

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path, fresh = tmp_path / "tokens", tmp_path / "fresh"
        fresh.write_text(text)
        fresh.chmod(0o600)
        return fresh.replace(path)  # at once: nobody reads half of it

    return write


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is none, write NAME = TOKEN"),
        ("# nothing\n\n", "there is none, write NAME = TOKEN"),
        ("hunter2\n", "line 1: write NAME = TOKEN"),
        ("ops = a\nhunter2=\n", "line 2: write a token of printable characters"),
        ("o p s = hunter2\n", "line 1: write NAME = TOKEN, with a name of"),
        (f"{'n' * 65} = hunter2\n", "line 1: write NAME = TOKEN, with a name of"),
        ("ops = hunter2\x07\n", "line 1: write a token of printable characters"),
        ("ops = a\n\nops = hunter2\n", "line 3: the name is that of line 1"),
        ("ops = hunter2\n# x\ndev = hunter2\n", "line 3: the token is that of line 1"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_line_and_without_its_tokens(
    write: Write, text: str, words: str
) -> None:
    path = write(text)
    with pytest.raises(ConfigError, match=words) as caught:
        LocalServer(tokens=path)
    assert str(path) in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_not_there_or_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none cannot be read: No such file"):
        LocalServer(tokens=tmp_path / "none")
    with pytest.raises(ConfigError, match="it is no file"):
        LocalServer(tokens=tmp_path)
    (tmp_path / "latin").write_bytes(b"ops = \xe9\n")
    with pytest.raises(ConfigError, match="save the file as UTF-8"):
        LocalServer(tokens=tmp_path / "latin")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="it is no file"):
        LocalServer(tokens=tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"#" * 2**21)
    with pytest.raises(ConfigError, match="a file of more than"):
        LocalServer(tokens=tmp_path / "large")


def test_a_token_and_a_file_with_tokens_exclude_each_other(write: Write) -> None:
    with pytest.raises(ConfigError, match="give one of them"):
        LocalServer(token="a", tokens=write("ops = a\n"))


async def test_each_token_is_a_team_of_its_own_and_others_are_refused(write: Write, enter: Enter) -> None:
    path = write("\ufeff# the teams\n\nops = one\n dev.2-x_ = two = 2 # really \n")
    async with LocalServer(tokens=path) as server:
        ada = await enter(server, "one")
        bob = await enter(server, "two = 2 # really", "bob")
        assert (await ada.list_users()).total_count == 0
        asking = asyncio.ensure_future(AgentClient(server.url, "two = 2 # really").ask_question("ok?"))
        await bob.reply((await bob.expect("AskQuestion")).AskQuestionRequest, "yes")
        assert (await asking).text == "yes"
        assert await ada.before_answer() == []
        eve = await enter(server, login=False)
        await eve.send(Cmd="UserLogin", StrParam="ops", Nickname="eve")
        assert await eve.closed() == 1008


@pytest.mark.skipif(os.name != "posix", reason="rights are no such numbers there")
async def test_a_file_that_others_can_read_is_warned_of(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    path = write("ops = hunter2\n")
    async with LocalServer(tokens=path):
        assert not caplog.records
    path.chmod(0o640)
    async with LocalServer(tokens=path):
        assert [record.getMessage() for record in caplog.records] == [
            f"the tokens in {path} could be read by others; let only their owner: chmod 600 {path}"
        ]


@pytest.mark.parametrize("new", ["ops = new\ndev = two\n", "dev = two\n"])
async def test_who_came_with_a_token_that_is_gone_is_sent_away_and_nobody_else(
    write: Write, enter: Enter, new: str
) -> None:
    async with LocalServer(tokens=write("ops = one\ndev = two\n")) as server:
        ada, bob = await enter(server, "one"), await enter(server, "two", "bob")
        calls = [asyncio.ensure_future(AgentClient(server.url, token).ask_question("ok?")) for token in ("one", "two")]
        await ada.expect("AskQuestion")
        request = (await bob.expect("AskQuestion")).AskQuestionRequest
        write(new)
        await server.reload_tokens()
        assert await ada.closed() == 1008
        assert ada.socket.protocol.close_reason == "token not accepted"
        with pytest.raises(RequestRefusedError, match="does not accept this token any more"):
            await calls[0]
        await bob.reply(request, "yes")
        assert (await calls[1]).text == "yes"
        eve = await enter(server, login=False)
        await eve.send(Cmd="UserLogin", StrParam="one", Nickname="eve")
        assert await eve.closed() == 1008


async def test_a_call_whose_token_is_gone_ends_with_401_and_its_question_waits_for_the_new_one(
    write: Write, enter: Enter, any_store: str
) -> None:
    url = "/agentassistproto.SrvAgentAssist/AskQuestion"
    headers = {"content-type": "application/proto"}
    async with (
        LocalServer(tokens=write("ops = one\n"), store=any_store) as server,
        httpx.AsyncClient(trust_env=False, base_url=server.http_url) as http,
    ):
        ada = await enter(server, "one")
        body = question("q1", "one").SerializeToString()
        call = asyncio.ensure_future(http.post(url, content=body, headers=headers))
        await ada.expect("AskQuestion")
        write("ops = new\n")
        await server.reload_tokens()
        refused = await call
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
        await until(lambda: [pending for pending in server._relay.state.waiting if pending.away])
        again = await enter(server, "new", "ada")
        assert await again.pending("q1") == {"q1": True}
        body = question("q1", "new").SerializeToString()
        joined = asyncio.ensure_future(http.post(url, content=body, headers=headers))
        await again.reply((await again.list_pending()).pending_messages[0].ask_question_request, "yes")
        response = pb.AskQuestionResponse.FromString((await joined).content)
        assert response.contents[0].text.text == "yes"


async def test_a_file_that_changes_is_read_again_and_a_bad_one_leaves_the_tokens_as_they_are(
    write: Write, enter: Enter, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(local, "TOKENS_EVERY", 0.01)
    caplog.set_level(logging.WARNING)
    async with LocalServer(tokens=write("ops = one\n")) as server:
        ada = await enter(server, "one")
        path = write("hunter2")
        await until(lambda: caplog.records)
        assert await ada.before_answer() == []
        await enter(server, "one", "bob")
        write("ops = twenty-two\n")
        assert await ada.closed() == 1008
        await enter(server, "twenty-two")
    (told,) = (record.getMessage() for record in caplog.records)
    assert told.startswith(f"{path}, line 1: write NAME = TOKEN")
    assert told.endswith("; the tokens so far are accepted on")


async def test_there_is_nothing_to_read_again_without_a_file(server: LocalServer) -> None:
    with pytest.raises(ConfigError, match="has no file with tokens"):
        await server.reload_tokens()
