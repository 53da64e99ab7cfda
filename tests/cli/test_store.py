"""`ipymultichat store`, as a shell sees it."""

import asyncio
import json
from pathlib import Path

import pytest

from ipymultichat.agent import AgentClient
from ipymultichat.cli import main
from ipymultichat.errors import AgentError
from ipymultichat.hub import Chat
from ipymultichat.server import LocalServer


async def answered(store: str, *questions: str) -> list[str]:
    """Let an agent ask, and a person answer."""
    async with LocalServer(store=store, token="team") as server:
        chat = Chat([server.url], token="team", nickname="ada", profile=":memory:", autoconnect=False)
        chat.on_message(lambda message: f"yes to {message.text}")
        await chat.connect()
        agent = AgentClient(server.url, "team")
        try:
            return [str(await agent.ask_question(text, request_id=text)) for text in questions]
        finally:
            chat.close()


async def asked_again(store: str, text: str) -> str:
    """Ask while nobody is there."""
    async with LocalServer(store=store, token="team") as server:
        return str(await AgentClient(server.url, "team").ask_question(text, request_id=text))


def test_what_was_exported_is_the_same_in_another_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = f"sqlite:///{tmp_path}/a.db", f"sqlite:///{tmp_path}/b.db"
    assert asyncio.run(answered(first, "one?", "two?")) == ["yes to one?", "yes to two?"]
    assert main(["store", "export", str(tmp_path / "out"), "--store", first]) == 0
    for count in (2, 0):
        assert main(["store", "import", str(tmp_path / "out"), "--store", second]) == 0
        assert capsys.readouterr().out.endswith(f"{count} requests imported\n")
    assert asyncio.run(asked_again(second, "two?")) == "yes to two?"
    with pytest.raises(AgentError):
        asyncio.run(asked_again(second, "three?"))
    assert main(["store", "export", str(tmp_path / "again"), "--store", second]) == 0
    lines = [[json.loads(line) for line in (tmp_path / name).read_text().splitlines()] for name in ("out", "again")]
    for line in lines[1]:
        if line["request_id"] == "two?":
            assert line.pop("fetched_ms")
            line["fetched_ms"], line["version"] = None, line["version"] - 1
    assert lines[0] == lines[1]
    assert "team" not in {line["team"] for line in lines[0]}
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0


async def test_a_running_server_is_exported_and_not_imported_into(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = f"sqlite:///{tmp_path}/a.db"
    async with LocalServer(store=store):
        assert await asyncio.to_thread(main, ["store", "export", str(tmp_path / "out"), "--store", store]) == 0
        assert await asyncio.to_thread(main, ["store", "import", str(tmp_path / "out"), "--store", store]) == 2
    assert "a server has" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "words"),
    [("{}", "line 1, is no request"), ("[1]", "line 1"), ("no JSON", "line 1"), (None, "No such file")],
)
def test_a_file_that_holds_no_requests_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, words: str
) -> None:
    if content is not None:
        (tmp_path / "in").write_text(content)
    assert main(["store", "import", str(tmp_path / "in"), "--store", f"sqlite:///{tmp_path}/a.db"]) == 2
    assert words in capsys.readouterr().err


def test_a_store_that_is_not_there_is_not_made_to_be_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["store", "export", str(tmp_path / "out")]) == 2
    assert "there is no store" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
