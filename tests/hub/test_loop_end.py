from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import asyncio
from ipymultichat.hub import Chat
from ipymultichat.server import LocalServer

async def main():
    asyncio.get_running_loop().slow_callback_duration = 60
    server = await LocalServer().start()
    global chat
    chat = Chat([server.url], token="tok", nickname="me", profile=":memory:")
    await chat.connect()
    print(chat.connected_count)

asyncio.run(main(), debug=True)
print([str(status.state) for status in chat.statuses.values()])
"""


def test_a_script_that_ends_without_closing_ends_in_silence() -> None:
    done = subprocess.run([sys.executable, "-X", "dev", "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "1\n['disconnected']")
    assert "destroyed" not in done.stderr, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
