"""What ends up in saved and exported notebooks, and whether they run without anybody there."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbclient
import nbconvert
import nbformat
import pytest
from people import Ask
from processes import ServerProcess

from ipymultichat.hub import Chat

pytestmark = pytest.mark.timeout(180)

QUESTION = "Shall the albatross be deployed?"
ANSWER = "albatross approved"
NOBODY = "ws://127.0.0.1:9/ws"


def notebook(*cells: str) -> Any:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    return made


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MULTICHAT_TOKEN", "s3cret-token")
    monkeypatch.setenv("MULTICHAT_CONFIG_DIR", str(tmp_path / "config"))


async def test_a_saved_notebook_its_widget_state_and_its_export_hold_no_token_and_no_message(
    environment: None, servers: list[ServerProcess], observer: Chat, ask: Ask
) -> None:
    agent = ask(QUESTION)
    document = notebook(
        f"from ipymultichat import MultiChat\nchat = MultiChat([{servers[0].url!r}])\nawait chat.connect()\nchat",
        "message = await chat.wait_for()\n_ = await chat.reply(message, 'albatross' + ' approved')",
        "chat",
    )
    await nbclient.NotebookClient(document, timeout=60, store_widget_state=True).async_execute()
    assert (await agent).text == ANSWER
    widgets = json.dumps(document.metadata["widgets"])
    assert "connected_count" in widgets
    assert document.cells[0].outputs[-1].data["text/plain"] == "MultiChat: run this cell to open the inbox"
    saved = nbformat.writes(document)
    exported, _ = nbconvert.HTMLExporter().from_notebook_node(document)
    for text in (saved, exported, widgets):
        assert "s3cret-token" not in text
        assert QUESTION not in text
        assert ANSWER not in text


@pytest.mark.parametrize("there", [True, False], ids=["with a server", "with no server"])
async def test_restart_and_run_all_finishes_without_anybody_answering(
    environment: None, servers: list[ServerProcess], there: bool
) -> None:
    url = servers[0].url if there else NOBODY
    document = notebook(
        f"from ipymultichat import MultiChat\nchat = MultiChat([{url!r}])\nchat",
        "await chat.connect()\nchat.connected_count, chat.statuses",
        "chat.messages, chat.users, chat.to_dataframe()",
    )
    await nbclient.NotebookClient(document, timeout=60).async_execute()
    counted = document.cells[1].outputs[-1].data["text/plain"]
    assert counted.startswith("(1," if there else "(0,")


@pytest.mark.parametrize("there", [True, False], ids=["with a server", "with no server"])
@pytest.mark.parametrize("tool", ["nbconvert", "papermill"])
def test_tools_that_run_notebooks_finish(
    environment: None, servers: list[ServerProcess], tmp_path: Path, tool: str, there: bool
) -> None:
    url = servers[0].url if there else NOBODY
    source, result = tmp_path / "source.ipynb", tmp_path / "result.ipynb"
    cells = f"from ipymultichat import MultiChat\nchat = MultiChat([{url!r}])\nchat", "await chat.connect()\nchat"
    source.write_text(nbformat.writes(notebook(*cells)))
    arguments = {
        "nbconvert": ["nbconvert", "--to", "notebook", "--execute", str(source), "--output", str(result)],
        "papermill": ["papermill", "--no-progress-bar", str(source), str(result)],
    }[tool]
    done = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "s3cret-token" not in result.read_text()
