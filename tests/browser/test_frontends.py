"""The inbox in each frontend, in an environment of its own: both servers are seen, and a question is answered there."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from frontends import FRONTENDS, JUPYTER, RESULTS, Frontend, Seen, answers
from lab_page import TOKEN, StartAgent, document, write_profile
from playwright.sync_api import Browser, Page, expect
from processes import ServerProcess, end, start
from waiting import wait_until

from ipymultichat.cli.demo import free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

QUESTION, ANSWER = "Shall the albatross fly?", "after lunch: aabbddmm"
WORDS = "MultiChat: run this cell to open the inbox"
NOTEBOOK = document("from ipymultichat import MultiChat\nchat = MultiChat()\nchat")
BATCH = document(
    "from ipymultichat import MultiChat\nchat = MultiChat()\nchat", "await chat.connect()\nchat.connected_count"
)
MARIMO = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from ipymultichat import MultiChat

    return MultiChat, mo


@app.cell
def _(MultiChat, mo):
    inbox = mo.ui.anywidget(MultiChat())
    inbox
    return (inbox,)


@app.cell
def _(mo):
    again = mo.ui.refresh(default_interval="1s")
    again
    return (again,)


@app.cell
def _(again, inbox, mo):
    again
    mo.md(f"{inbox.value['pending_count']} wait on {inbox.value['connected_count']} servers")
    return
"""


@dataclass(frozen=True)
class Host:
    """How a frontend is started on a document, where it shows it, and whether the cell is run and saved by hand."""

    arguments: str
    address: str = ""
    document: str = "inbox.ipynb"
    by_hand: bool = False


HOSTS = {
    "JupyterLab": Host(f"jupyterlab {JUPYTER}", "lab/tree/inbox.ipynb", by_hand=True),
    "JupyterLab oldest": Host(f"jupyterlab {JUPYTER}", "lab/tree/inbox.ipynb", by_hand=True),
    "Notebook": Host(f"notebook {JUPYTER}", "notebooks/inbox.ipynb", by_hand=True),
    "marimo run": Host(
        "marimo --yes run inbox.py --headless --no-token --host 127.0.0.1 --port {port}", document="inbox.py"
    ),
    "Voila": Host("voila inbox.ipynb --no-browser --Voila.ip=127.0.0.1 --port={port}"),
}
TOOLS = {
    # With the state of widgets, the page has scripts of others in place of the words.
    "nbconvert": (
        "nbconvert --to html --execute --ExecutePreprocessor.store_widget_state=False inbox.ipynb --output result.html",
        "result.html",
    ),
    "papermill": ("papermill --no-progress-bar inbox.ipynb result.ipynb", "result.ipynb"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the frontend runs, with the document."""
    made = tmp_path / "work"
    made.mkdir()
    return made


@pytest.fixture
def environment(tmp_path: Path, servers: dict[str, ServerProcess]) -> dict[str, str]:
    """A home of its own, and a profile that knows both servers."""
    write_profile(tmp_path / "config", servers)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "JUPYTER", "MULTICHAT"))}
    return {**kept, "HOME": str(tmp_path), "MULTICHAT_CONFIG_DIR": str(tmp_path / "config")}


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1200, "height": 1000}, locale="en-US")
    yield context.new_page()
    context.close()


@pytest.fixture
def address(request: pytest.FixtureRequest, folder: Path, environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """Of the frontend that was asked for, started."""
    name = request.getfixturevalue("name")
    host, port = HOSTS[name], free_port(0)
    (folder / host.document).write_text(MARIMO if host.document.endswith(".py") else NOTEBOOK)
    command = [FRONTENDS[name].python(), "-m", *(part.format(port=port) for part in host.arguments.split())]
    with (tmp_path / "log").open("w") as log:
        process = start(command, environment, cwd=folder, stderr=log)
    try:
        wait_until(lambda: answers(process, port, tmp_path / "log"), 60)
        yield f"http://127.0.0.1:{port}/{host.address}"
    finally:
        end(process)


@pytest.mark.frontends
@pytest.mark.parametrize("name", HOSTS)
def test_both_servers_are_seen_and_a_question_is_answered_by_typing(
    name: str, address: str, page: Page, ask: StartAgent, folder: Path
) -> None:
    frontend, host = fresh(name), HOSTS[name]
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(error.stack or str(error)))
    if host.by_hand:
        run_the_cell(page, address)
    else:
        page.goto(address)
    badge = page.get_by_role("button", name="2 of 2 servers connected")
    expect(badge).to_be_visible(timeout=60_000)
    agent = ask("Work", QUESTION, "--agent", "claude")
    card = page.get_by_role("article", name="Question from claude on Work")
    expect(card).to_contain_text(QUESTION)
    if host.document.endswith(".py"):
        expect(page.get_by_text("1 wait on 2 servers")).to_be_visible()
    card.get_by_role("textbox", name="Your answer").press_sequentially(ANSWER)
    card.get_by_role("button", name="Reply").click()
    assert agent.answer() == ANSWER
    expect(card).to_contain_text(ANSWER)
    if host.document.endswith(".py"):
        expect(page.get_by_text("0 wait on 2 servers")).to_be_visible()
    page.screenshot(path=RESULTS / f"{frontend.slug}.png")
    left = "nothing"
    if host.by_hand:
        save(page, folder / host.document)
        left = "words"
    holds_no_secret(folder)
    # Notebook 7.6 stumbles over its own settings while it starts.
    assert [error for error in errors if "/static/notebook/" not in error] == []
    frontend.note(Seen("yes", "2 of 2", "yes", left))


@pytest.mark.frontends
@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_that_runs_notebooks_leaves_words_and_no_secret(
    name: str, folder: Path, environment: dict[str, str], page: Page
) -> None:
    frontend, (arguments, result) = fresh(name), TOOLS[name]
    (folder / "inbox.ipynb").write_text(BATCH)
    command = [frontend.python(), "-m", *arguments.split()]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    holds_no_secret(folder)
    page.context.set_offline(True)
    page.goto((folder / result).as_uri())
    expect(page.locator("body")).to_contain_text(WORDS)
    page.screenshot(path=RESULTS / f"{frontend.slug}.png")
    frontend.note(Seen("words", "none", "no", "words"))


def fresh(name: str) -> Frontend:
    """A frontend of which nothing is known: what an earlier check saw must not stand for this one."""
    FRONTENDS[name].result.unlink(missing_ok=True)
    return FRONTENDS[name]


def run_the_cell(page: Page, address: str) -> None:
    """Open a notebook in a frontend of Jupyter, and run what it shows once its kernel is there."""
    with page.expect_websocket(lambda socket: "/channels" in socket.url, timeout=60_000):
        page.goto(address)
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    # A cell run before its kernel is there is not run at all.
    page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for(state="attached", timeout=60_000)
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")


def save(page: Page, path: Path) -> None:
    """Save the notebook; the output of its first cell says in words how to see the inbox."""
    page.locator(".jp-CodeCell .cm-content").last.click()
    page.keyboard.press("Control+s")
    wait_until(lambda: WORDS in path.read_text(), 20)


def holds_no_secret(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            held = path.read_bytes()
            assert [text for text in (TOKEN, QUESTION, ANSWER) if text.encode() in held] == [], path


def test_the_bundle_is_one_module_that_needs_nothing_but_a_model(page: Page) -> None:
    import ipymultichat

    bundle = (Path(ipymultichat.__file__).parent / "static" / "widget.js").read_text("utf-8")
    asked_for: list[str] = []
    page.on("request", lambda request: asked_for.append(request.url))
    page.set_content("<main></main>")
    page.evaluate(
        """async source => {
            const module = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
            const model = { get: () => undefined, on() {}, off() {}, send() {} };
            const widget = await module.default();
            widget.initialize({ model });
            widget.render({ model, el: document.querySelector("main") });
        }""",
        bundle,
    )
    assert "require(" not in bundle
    expect(page.locator("main .imc-root")).to_be_visible()
    assert [url for url in asked_for if not url.startswith("blob:")] == []
