"""Kernels are killed in the middle of traffic; nothing of what was stored is lost, and the profile is whole.

`KILLS=100 pytest tests/notebook/test_kernel_killed.py` kills a hundred of them.
"""

import asyncio
import json
import os
import random
import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest
from histories import kept
from kernel import Kernel
from processes import ServerProcess

from ipymultichat.agent import AgentClient
from ipymultichat.errors import MultiChatError
from ipymultichat.hub import Chat
from ipymultichat.store import history_path

KILLS = int(os.environ.get("KILLS", "3"))
TOKEN = "s3cret-token"

# Answers whatever is asked, edits the profile all the time, and says in a file what is stored.
CELL = """
import asyncio, json
from ipymultichat import MultiChat
from ipymultichat.store import config_path

chat = MultiChat()
said = open({said!r}, "a")
chat.on_message(kind="question")(lambda message: "yes")

async def tell():
    told, count = {{}}, int(chat.preferences.prefix or 0)
    while True:
        count += 1
        chat.set_preferences(prefix=str(count))  # written a little later, by a thread
        stored = json.loads(config_path("default").read_text()).get("settings", {{}})
        print("profile", stored.get("reply_prefix") or 0, file=said)
        for message in chat.messages:
            if told.get(message.id) != message.status and chat._hub.history.stored(message.id):
                told[message.id] = message.status
                print(message.status.value, message.id, file=said)
        said.flush()
        await asyncio.sleep(0.005)

telling = asyncio.ensure_future(tell())
"""
FINAL = ("replied", "received", "cancelled")


async def agent(url: str, name: str, ended: asyncio.Event) -> None:
    """Asks one thing after the other; sometimes gives up early."""
    chance = random.Random(name)
    client = AgentClient(url, TOKEN, agent_name=name)
    while not ended.is_set():
        with suppress(MultiChatError):
            await client.ask_question(f"asked by {name}", timeout=chance.choice((1, 30)))


async def chatter(observer: Chat, ended: asyncio.Event) -> None:
    while not ended.is_set():
        for user in observer.users:
            if user.nickname == "me":
                with suppress(MultiChatError):
                    await observer.send(user, "are you there?")
        await asyncio.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.timeout(90 + 10 * KILLS)
async def test_what_was_stored_and_the_profile_are_whole_after_the_kernel_was_killed_amid_traffic(
    kernel: Kernel, servers: list[ServerProcess], observer: Chat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULTICHAT_CONFIG_DIR", str(tmp_path / "config"))
    profile = tmp_path / "config" / "default.json"
    listed = [{"id": str(i), "name": f"S{i}", "url": server.url, "isEnabled": True} for i, server in enumerate(servers)]
    profile.parent.mkdir(exist_ok=True)
    profile.write_text(json.dumps({"server_configs": listed, "token": TOKEN, "nickname": "me", "theirs": 1}))
    ended = asyncio.Event()
    traffic = [asyncio.ensure_future(agent(servers[n % 2].url, f"agent {n}", ended)) for n in range(8)]
    traffic.append(asyncio.ensure_future(chatter(observer, ended)))
    chance = random.Random(1)
    expected, count = {}, 0
    for number in range(KILLS):
        said = tmp_path / f"said {number}"
        await kernel.run(CELL.format(said=str(said)))
        await asyncio.sleep(chance.uniform(0, 1.5))
        await kernel.kill()
        for line in said.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                what, which = line.split()
                if what == "profile":
                    count = int(which)
                else:
                    expected[which] = what
        found = {entry.message.id: entry.message for entry in kept(limit=10**6)}
        assert [key for key in expected if key not in found] == []
        wrong = [
            (key, was, found[key].status) for key, was in expected.items() if was in FINAL and found[key].status != was
        ]
        assert wrong == []
        # A reply that was on its way when the kernel died may have arrived; the next one cannot know whose it was.
        mine = [message.reply.text for message in found.values() if message.reply and message.reply.mine]
        assert set(mine) <= {"yes"}
        with closing(sqlite3.connect(history_path("default"))) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        config = json.loads(profile.read_text())
        assert [config[key] for key in ("server_configs", "token", "theirs")] == [listed, TOKEN, 1]
        assert int(config.get("settings", {}).get("reply_prefix", 0)) >= count
        await kernel.restart()
    assert list(expected.values()).count("replied") > KILLS
    assert not list(profile.parent.glob("*corrupt*"))
    await kernel.run(CELL.format(said=str(tmp_path / "said at last")))
    ended.set()
    await asyncio.wait_for(asyncio.gather(*traffic), 20)  # the next kernel answers whoever still waits
