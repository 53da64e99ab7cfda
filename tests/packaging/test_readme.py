"""The code in README.md runs as it stands there, without a warning."""

from __future__ import annotations

import textwrap
from pathlib import Path

import page_code

README = Path(__file__).parents[2] / "README.md"

AROUND = """
import asyncio
from ipymultichat import Chat
from ipymultichat.agent import AgentClient
from ipymultichat.errors import AgentTimeoutError, NoHumanOnlineError
from ipymultichat.server import LocalServer


async def main():
    asyncio.get_running_loop().slow_callback_duration = 60  # what is slow here is the machine
    async with LocalServer(token="my-team") as home, LocalServer(token="my-team") as gpu:
        asking, said = AgentClient(home.url, "my-team", agent_name="claude-code"), []
        async with Chat([gpu.url], token="my-team", nickname="ada", profile=":memory:") as ada:
            ada.on_message(kind="chat")(lambda message: said.append(message.text))
            work = asyncio.create_task(asked(asking))
            await notebook(home, gpu)
            print(await work, said, (await AgentClient(gpu.url, "my-team").work_report("Done.")).text)
        chat.close()
        work = asyncio.create_task(script(home))
        print(await answered(asking))
        work.cancel()
        await asyncio.wait({work})


async def asked(agent):
    return (await answered(agent)), "was asked"


async def answered(agent):
    while True:
        try:
            return (await agent.ask_question("Deploy?", timeout=5)).text
        except (AgentTimeoutError, NoHumanOnlineError):  # a stream begins where somebody reads it
            await asyncio.sleep(0.01)


async def notebook(home, gpu):
    global chat
NOTEBOOK


async def script(home):
SCRIPT

asyncio.run(main())
"""


def test_the_code_of_the_readme_runs_without_a_warning(tmp_path: Path) -> None:
    blocks = page_code.blocks_of(README)
    for written, there in zip(page_code.PLACES, ("home.url", "gpu.url"), strict=True):
        blocks = [block.replace(f'"{written}"', there) for block in blocks]
    code = [textwrap.indent(block, "    ") for block in blocks]
    source = AROUND.replace("NOTEBOOK", code[0]).replace("SCRIPT", code[1])
    done = page_code.run_fresh(["-c", source], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "('Yes, to staging first', 'was asked') ['training is done'] Thanks!\nAsk me again tomorrow\n"
    )
