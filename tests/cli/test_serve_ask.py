"""`ipymultichat serve` and `ipymultichat ask`, as a shell sees them."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from chat_person import Person, text_part

from ipymultichat.agent import AgentClient
from ipymultichat.cli import main
from ipymultichat.errors import AgentTimeoutError
from ipymultichat.server import Limits, LocalServer
from ipymultichat.server.guesses import LONGEST_DELAY
from ipymultichat.wire import agentassist_pb2 as pb

PROGRAM = [sys.executable, "-c", "import sys; from ipymultichat.cli import main; sys.exit(main())"]
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")


def run(*args: str) -> asyncio.Task[int]:
    """Run the program in a thread, where it has an event loop of its own."""
    return asyncio.create_task(asyncio.to_thread(main, list(args)))


async def start(*args: str, **variables: str) -> asyncio.subprocess.Process:
    environment = {**os.environ, **variables}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *PROGRAM, *args, env=environment, stdout=pipe, stderr=pipe, start_new_session=True
    )


@contextlib.asynccontextmanager
async def serving(*args: str, **variables: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    child = await start("serve", "--port", "0", *args, **variables)
    try:
        line = (await asyncio.wait_for(child.stdout.readline(), 30)).decode()
        assert line.startswith("listening on ws://127.0.0.1:"), line
        yield child, line.split()[-1]
    finally:
        if child.returncode is None:
            child.terminate()
        await child.communicate()


async def test_ask_finds_the_token_in_the_profile_that_knows_the_server(
    server: LocalServer, ada: Person, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config").mkdir()
    entries = [{"id": "s", "name": "", "url": server.url, "isEnabled": True}]
    for profile, servers in (("default", entries), ("other", [])):
        path = tmp_path / "config" / f"{profile}.json"
        path.touch(0o600)
        path.write_text(json.dumps({"server_configs": servers, "token": "team"}))
    done = run("ask", server.http_url, "Deploy?")
    await ada.reply((await ada.expect("AskQuestion")).AskQuestionRequest, "yes")
    assert await done == 0
    assert await run("ask", server.url, "Deploy?", "--profile", "other") == 2
    assert "the profile 'other' has no token for ws://" in capsys.readouterr().err
    assert await run("ask", "ws://127.0.0.1:1/ws", "Deploy?") == 2  # another server does not get it


async def test_ask_prints_the_answer(server: LocalServer, ada: Person, capsys: pytest.CaptureFixture[str]) -> None:
    done = run("ask", server.url, "Deploy?", "--token", "team", "--timeout", "30", "--agent", "bot", "--model", "m1")
    request = (await ada.expect("AskQuestion")).AskQuestionRequest
    body = request.Request
    assert (body.Question, body.Timeout, body.AgentName, body.ReasoningModelName) == ("Deploy?", 30, "bot", "m1")
    assert body.ProjectDirectory == str(Path.cwd())
    await ada.reply(request, "yes, do")
    assert await done == 0
    assert capsys.readouterr() == ("yes, do\n", "")


async def test_an_answer_is_printed_where_the_output_lacks_its_characters(server: LocalServer, ada: Person) -> None:
    child = await start("ask", server.url, "Deploy?", MULTICHAT_TOKEN="team", PYTHONIOENCODING="ascii")
    await ada.reply((await ada.expect("AskQuestion")).AskQuestionRequest, "yés ✓")
    out, problems = await child.communicate()
    assert (child.returncode, out, problems) == (0, f"y\\xe9s \\u2713{os.linesep}".encode(), b"")


async def test_the_token_may_come_from_a_file(server: LocalServer, ada: Person, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("team\n")
    done = run("ask", server.http_url, "Deploy?", "--token-file", str(tmp_path / "token"))
    await ada.reply((await ada.expect("AskQuestion")).AskQuestionRequest, "yes")
    assert await done == 0


def test_a_token_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "token")
    assert main(["ask", "ws://127.0.0.1:9", "Deploy?", "--token-file", missing]) == 2
    assert f"the token cannot be read from {missing}: No such file or directory" in capsys.readouterr().err


async def test_the_token_may_come_from_the_environment(
    server: LocalServer, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTICHAT_TOKEN", "team")
    done = run("ask", server.http_url, "Deploy?")
    await ada.reply((await ada.expect("AskQuestion")).AskQuestionRequest, "yes")
    assert await done == 0


async def test_a_report_is_handed_in(server: LocalServer, ada: Person, capsys: pytest.CaptureFixture[str]) -> None:
    done = run("ask", server.url, "All done", "--token", "team", "--report")
    request = (await ada.expect("WorkReport")).WorkReportRequest
    assert request.Request.Summary == "All done"
    await ada.reply(request, "thanks")
    assert await done == 0
    assert capsys.readouterr().out == "thanks\n"


@pytest.mark.parametrize(("args", "kind"), [([], "AskQuestion"), (["--report"], "WorkReport")])
async def test_the_id_may_be_given(server: LocalServer, ada: Person, args: list[str], kind: str) -> None:
    done = run("ask", server.url, "Deploy?", "--token", "team", "--id", "mine", *args)
    message = await ada.expect(kind)
    request = message.AskQuestionRequest if kind == "AskQuestion" else message.WorkReportRequest
    assert request.ID == "mine"
    await ada.reply(request, "yes")
    assert await done == 0


async def test_options_make_a_structured_question(server: LocalServer, ada: Person) -> None:
    done = run("ask", server.url, "Which?", "--token", "team", "--option", "A", "--option", "B")
    request = (await ada.expect("AskQuestion")).AskQuestionRequest
    (structured,) = request.Request.Questions
    assert structured.question == "Which?"
    assert [option.label for option in structured.options] == ["A", "B"]
    assert structured.custom
    await ada.reply(request, "A")
    assert await done == 0


async def answer_with_file(ada: Person) -> None:
    request = (await ada.expect("AskQuestion")).AskQuestionRequest
    file = pb.EmbeddedResource(type="embedded_resource", uri="file:///a", mime_type="text/csv", data=b"1,2")
    image = pb.ImageContent(type="image", data="cG5n", mime_type="image/png")
    parts = [
        text_part("sée"),
        pb.McpResultContent(type=4, embedded_resource=file),
        pb.McpResultContent(type=2, image=image),
        pb.McpResultContent(type=99),
    ]
    response = pb.AskQuestionResponse(ID=request.ID, contents=parts, Meta={"k": "v"})
    await ada.send(Cmd="AskQuestionReply", AskQuestionRequest=request, AskQuestionResponse=response)


async def test_json_holds_the_whole_answer(
    server: LocalServer, ada: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run("ask", server.url, "Data?", "--token", "team", "--json")
    await answer_with_file(ada)
    assert await done == 0
    assert json.loads(capsys.readouterr().out) == {
        "text": "sée",
        "contents": [
            {"type": "text", "text": "sée"},
            {"type": "resource", "uri": "file:///a", "mime_type": "text/csv", "data": "MSwy"},
            {"type": "image", "mime_type": "image/png", "data": "cG5n"},
            {"type": "unknown"},
        ],
        "meta": {"k": "v"},
    }


async def test_attachments_left_out_are_mentioned(
    server: LocalServer, ada: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    done = run("ask", server.url, "Data?", "--token", "team")
    await answer_with_file(ada)
    assert await done == 0
    out, err = capsys.readouterr()
    assert out == "sée\n"
    assert "3 attachment(s) left out" in err


async def test_each_trouble_has_its_exit_code_and_one_line(
    server: LocalServer, ada: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    async def trouble(code: int, *args: str) -> None:
        assert await run("ask", *args) == code
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("ipymultichat")
        assert err.count("\n") == 1
        assert "hunter2" not in err

    await trouble(3, server.url, "Hello?", "--token", "hunter2")
    await trouble(4, server.url, "Hello?", "--token", "team", "--timeout", "1")
    async with LocalServer(token="right") as strict:
        await trouble(6, strict.url, "Hello?", "--token", "hunter2")
    await trouble(7, strict.url, "Hello?", "--token", "hunter2")
    await trouble(2, server.url, "Hello?")
    await trouble(2, "ftp://x", "Hello?", "--token", "hunter2")
    await trouble(2, server.url, " ", "--token", "hunter2")
    await trouble(2, server.url, "Hello?", "--token", "hunter2", "--timeout", "soon")
    await trouble(2, server.url, "Hello?", "--token", "hunter2", "--id", "")
    await trouble(2, server.url, "Hello?", "--token", "hunter2", "--report", "--option", "A")


@pytest.mark.parametrize(("reason", "code"), [("cancelled", 5), ("declined", 1)])
async def test_an_error_reply_has_an_exit_code(
    server: LocalServer, ada: Person, capsys: pytest.CaptureFixture[str], reason: str, code: int
) -> None:
    done = run("ask", server.url, "Ok?", "--token", "team")
    request = (await ada.expect("AskQuestion")).AskQuestionRequest
    await ada.reply(request, "", IsError=True, Meta={"error": reason})
    assert await done == code


@posix_only
async def test_interrupting_ask_withdraws_the_question(server: LocalServer, ada: Person) -> None:
    child = await start("ask", server.url, "Still there?", MULTICHAT_TOKEN="team")
    await ada.expect("AskQuestion")
    child.send_signal(signal.SIGINT)
    out, err = await child.communicate()
    assert (child.returncode, out, err) == (130, b"", b"")
    await ada.expect("RequestCancelled")


def test_help_lists_the_exit_codes_and_hides_the_token(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTICHAT_TOKEN", "hunter2")
    for command in ("ask", "serve"):
        with pytest.raises(SystemExit) as caught:
            main([command, "--help"])
        assert caught.value.code == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "130 Ctrl-C" in out
    assert "hunter2" not in out


@posix_only
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_serve_runs_until_told_to_stop(number: signal.Signals) -> None:
    async with serving() as (child, url):
        ada = await Person.connect(url)
        await ada.login("any", "ada")
        child.send_signal(number)
        assert await ada.closed() == 1012
        out, err = await child.communicate()
        assert (child.returncode, out, err) == (0, b"", b"")


async def test_serve_takes_its_token_from_the_environment() -> None:
    async with serving(MULTICHAT_TOKEN="right") as (_, url):
        eve = await Person.connect(url)
        await eve.send(Cmd="UserLogin", StrParam="wrong", Nickname="eve")
        assert not (await eve.expect("UserLogin")).UserLoginResponse.success
        await eve.leave()


@posix_only
async def test_serve_holds_what_is_asked_while_nobody_is_online() -> None:
    async with serving("--hold") as (_child, url):
        asking = asyncio.ensure_future(AgentClient(url, "team").ask_question("Anybody there?", timeout=1))
        with pytest.raises(AgentTimeoutError):
            await asking


async def test_serving_the_network_without_a_token_is_warned_of() -> None:
    async with serving("--host", "0.0.0.0") as (child, _):
        assert b"no token is set" in await child.stderr.readline()


@pytest.mark.timeout(300)
async def test_serve_names_a_bad_host_port_token_or_file_in_one_line(server: LocalServer, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("hunter2")
    taken = server.http_url.rpartition(":")[2]
    for args, words in (
        (["--port", taken], "already in use"),
        (["--port", "x"], "no number"),
        (["--port", "65536"], "no number"),
        (["--host", "no-such-host.invalid"], "no such host name"),
        (["--host", ""], "no name or address"),
        (["--token", " "], "token"),
        (["--tokens", str(tmp_path / "none")], "none cannot be read: No such file or directory"),
        (["--tokens", str(tokens)], "tokens, line 1: write NAME = TOKEN"),
        (["--tokens", str(tokens), "--token", "x"], "give one of them"),
        (["--certfile", str(tokens)], "there is no certificate in"),
        (["--keyfile", str(tokens)], "but no certificate"),
        (["--root-path", "chat"], "write it like '/chat'"),
        (["--allow-host", "https://x"], "is no name"),
        (["--trust-proxy", "proxy"], "is no address or network"),
        (["--drain", "x"], "--drain 'x' is no number"),
        (["--drain", "-1"], "drain must be a number of at least 0"),
        (["--rate", "0"], "--rate '0' is no whole number of at least 1"),
    ):
        done = await asyncio.to_thread(
            subprocess.run, [*PROGRAM, "serve", *args], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 2
        assert done.stdout == ""
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
        assert "hunter2" not in done.stderr


async def test_serve_takes_several_tokens_from_a_file_instead_of_the_one_in_the_environment(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text("ops = one\n")
    tokens.chmod(0o600)
    async with serving("--tokens", str(tokens), MULTICHAT_TOKEN="two") as (_, url):
        ada, eve = await Person.connect(url), await Person.connect(url)
        await ada.login("one", "ada")
        await eve.send(Cmd="UserLogin", StrParam="two", Nickname="eve")
        assert await eve.closed() == 1008
        await ada.leave()


def test_the_help_of_serve_names_the_limits_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    told = " ".join(capsys.readouterr().out.split())
    limits, mib = Limits(), 2**20
    for fact in (
        f"{limits.max_clients} people",
        f"{limits.max_connections} connections",
        f"{limits.max_pending} waiting requests ({limits.max_waiting // mib} MiB) per token",
        f"{limits.max_body // mib} MiB per request ({limits.max_json // 1024} KiB in JSON)",
        f"{limits.max_frame // mib} MiB per message",
        f"{limits.max_chat // mib} MiB per chat text",
        f"{limits.login_seconds} s for a login",
        f"up to {LONGEST_DELAY:g} s per try",
        f"{limits.max_calls_per_second} requests per second, {limits.max_calls_at_once} at once",
    ):
        assert fact in told, fact


@pytest.mark.parametrize(
    ("answer", "code", "printed"),
    [
        ("Q: Approval\nA: Allow", 0, ""),
        ("Q: Approval\nA: Allow, once", 0, "once\n"),
        ("Q: Approval\nA: Deny, not today", 1, "not today\n"),
        ("maybe", 1, "maybe\n"),
    ],
)
async def test_an_approval_is_an_exit_code(
    server: LocalServer, ada: Person, capsys: pytest.CaptureFixture[str], answer: str, code: int, printed: str
) -> None:
    done = run("ask", server.url, "Delete it all", "--token", "team", "--approve")
    request = (await ada.expect("AskQuestion")).AskQuestionRequest
    assert request.Request.Question == "Delete it all"
    assert [option.label for option in request.Request.Questions[0].options] == ["Allow", "Deny"]
    await ada.reply(request, answer)
    assert await done == code
    assert capsys.readouterr().out == printed


async def test_an_approval_that_nobody_gives_is_none(server: LocalServer, ada: Person) -> None:
    assert await run("ask", server.url, "Delete it all", "--token", "team", "--approve", "--timeout", "0.5") == 4


async def test_a_default_is_printed_when_nobody_answers_and_said_to_be_one(
    server: LocalServer, ada: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("ask", server.url, "Which lr?", "--token", "team", "--option", "1e-3", "--default", "1e-3")
    assert await run(*asked, "--timeout", "0.5") == 0
    assert capsys.readouterr() == ("1e-3\n", "ipymultichat ask: nobody answered in time, this is the default\n")
    await ada.expect("AskQuestion")
    await ada.expect("RequestCancelled")
    done = run(*asked)
    await ada.reply((await ada.expect("AskQuestion")).AskQuestionRequest, "Q: Which lr?\nA: 1e-4")
    assert await done == 0
    assert capsys.readouterr() == ("1e-4\n", "")


@pytest.mark.parametrize(
    "given",
    [
        ["--report", "--option", "A"],
        ["--report", "--approve"],
        ["--report", "--default", "A"],
        ["--approve", "--option", "A"],
        ["--approve", "--default", "A"],
        ["--default", "A", "--id", "x"],
    ],
)
def test_options_that_do_not_go_together_are_named(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "ws://127.0.0.1:9", "?", "--token", "t", *given]) == 2
    assert given[0] in capsys.readouterr().err


async def test_servers_that_start_at_once_on_free_ports_each_have_a_file(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(serving()) for _ in range(3)))
        assert len(list((tmp_path / "config").glob("requests-0*.db"))) == 3
