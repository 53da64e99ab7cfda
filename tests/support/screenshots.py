"""Pictures of the main states at three widths, light and dark, from a real JupyterLab: build/screenshots."""

import asyncio
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import chromium_path
from lab_page import TOKEN, Agent, Notebook, document, scriptable
from playwright.sync_api import Locator, Page, expect, sync_playwright
from processes import ServerProcess

from ipymultichat.agent import AgentClient
from ipymultichat.cli.children import Children
from ipymultichat.cli.demo import free_port
from ipymultichat.cli.lab import Lab
from ipymultichat.hub import Chat

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "screenshots"
WIDTHS = (280, 600, 1200)
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
QUESTION = """Deploy build **142** to staging?

```python
def deploy(build: int) -> str:
    return f"staging/{build}"  # 12 s
```

| check | result |
| --- | --- |
| unit | 812 passed |
"""


SCROLLED = """root => {
    for (const part of root.querySelectorAll("[data-scrolled]")) {
        part.scrollTop = part.dataset.scrolled === "end" ? part.scrollHeight : 0;
    }
}"""


def scroll(part: Locator, to: str) -> None:
    """Scroll to the "start" or the "end" in every picture, whatever the width."""
    part.evaluate("(part, to) => { part.dataset.scrolled = to }", to)


def take(notebook: Notebook, state: str) -> None:
    """One picture per width and theme of what is shown now."""
    for theme, name in THEMES.items():
        notebook.theme(name)
        for width in WIDTHS:
            notebook.root().evaluate(
                "(root, width) => { root.style.inlineSize = width; root.style.blockSize = '640px' }", f"{width}px"
            )
            notebook.page.wait_for_timeout(150)
            notebook.root().evaluate(SCROLLED)
            notebook.page.wait_for_timeout(150)
            notebook.root().screenshot(path=FOLDER / f"{state}-{width}-{theme}.png")


def fill(notebook: Notebook, servers: dict[str, ServerProcess], agents: list[Agent]) -> None:
    """A morning's worth of messages."""
    done = Agent(servers["Home"].url, "Which branch is this for?", "--agent", "cursor", "--model", "gpt-6")
    agents.append(done)
    card = notebook.card("Question from cursor on Home", "Which branch")
    card.get_by_role("textbox", name="Your answer").fill("main, please")
    card.get_by_role("button", name="Reply").click()
    done.answer()
    for server, text, *options in (
        ("Work", QUESTION, "--agent", "claude-code", "--model", "opus-5"),
        ("Home", "Refactored the loader, 12 tests pass.", "--report", "--agent", "cursor", "--model", "gpt-6"),
        ("Work", "Which format?", "--option", "Parquet (Recommended)", "--option", "CSV", "--agent", "exporter"),
    ):
        agents.append(Agent(servers[server].url, text, *options))
        expect(notebook.page.get_by_role("article").last).to_contain_text(text.split("\n")[0].split("*")[0].strip())


def approval(notebook: Notebook, servers: dict[str, ServerProcess]) -> Iterator[str]:
    """What an agent is about to do, in parts, and denied."""
    agent = AgentClient(servers["Work"].url, TOKEN, agent_name="claude-code", model_name="opus-5")
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(lambda: asyncio.run(agent.approve("Apply **this patch** to `loader.py`?", **PATCH)))
        card = notebook.card("Approval from claude-code on Work", "Apply")
        scroll(notebook.page.get_by_role("log", name="Messages"), "end")
        yield "approval"
        card.get_by_role("button", name="Edit").click()
        yield "approval-edited"
        card.get_by_role("textbox", name="Your answer").fill("on a branch first")
        card.get_by_role("button", name="Deny").click()
        asked.result()
    yield "approval-denied"


def queue(page: Page) -> Iterator[str]:
    """What waits, one line each; grouped; some of it selected; searched; and the keys."""
    pending = page.get_by_role("button", name="Pending only")
    pending.click()
    yield "queue"
    page.get_by_label("Group by").select_option(label="By agent")
    yield "queue-grouped"
    page.get_by_role("checkbox", name="Select").first.check()
    yield "queue-selected"
    page.get_by_role("checkbox", name="Select").first.uncheck()
    page.get_by_label("Group by").select_option(index=0)
    pending.click()
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("searchbox", name="Search messages").fill("build")
    yield "filters"
    page.get_by_role("searchbox", name="Search messages").fill("")
    page.get_by_role("button", name="Filters").click()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    yield "shortcuts"
    page.keyboard.press("Escape")


def states(notebook: Notebook, servers: dict[str, ServerProcess], agents: list[Agent]) -> Iterator[str]:
    """Bring the widget into each state, and name it."""
    page = notebook.page
    yield "no-messages"
    page.get_by_role("combobox", name="To paste, for").select_option(label="Claude Code")
    expect(page.get_by_text("mcpServers")).to_be_visible()
    yield "agents"
    fill(notebook, servers, agents)
    log = page.get_by_role("log", name="Messages")
    scroll(log, "end")
    yield "inbox"
    yield from approval(notebook, servers)
    scroll(log, "start")
    yield "inbox-top"
    yield from queue(page)
    page.get_by_role("button", name="2 of 2 servers connected", exact=True).click()
    yield "connections"
    page.get_by_role("button", name="Edit Work").click()
    yield "server-edit"
    page.get_by_role("button", name="Settings", exact=True).click()
    yield "settings"
    scroll(page.locator(".imc-dialog-body"), "end")
    yield "settings-end"
    page.keyboard.press("Escape")
    page.get_by_role("list", name="Online users").get_by_role("button", name="ada@Home").click()
    page.get_by_role("textbox", name="Message", exact=True).fill("lunch?")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("article")).to_contain_text("sent")
    yield "conversation"
    page.get_by_role("button", name="All messages").click()
    page.get_by_role("searchbox", name="Search messages").fill("nothing like this")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    yield "nothing-found"
    page.get_by_role("button", name="Show everything").click()
    servers["Home"].kill()
    notebook.badge("1 of 2").click()
    yield "server-gone"
    page.keyboard.press("Escape")
    notebook.run_below("import time; time.sleep(600)")
    expect(page.get_by_text("Python 3 (ipykernel) | Busy")).to_be_visible()
    card = notebook.card("Question from claude-code on Work", "Deploy")
    card.get_by_role("textbox", name="Your answer").fill("yes, to staging")
    card.get_by_role("button", name="Reply").click()
    expect(page.get_by_role("status").filter(has_text="The kernel is busy")).to_be_visible()
    scroll(log, "end")
    yield "kernel-busy"
    page.evaluate("jupyterapp.serviceManager.sessions.shutdownAll()")
    expect(page.get_by_role("alert").filter(has_text="Run the cell again")).to_be_visible(timeout=30_000)
    yield "kernel-gone"


PATCH: dict[str, Any] = {
    "tool_name": "apply_patch",
    "arguments": {"path": "src/loader.py", "dry_run": False, "options": {"fuzz": 2, "message": "Close files"}},
    "diff": """--- a/src/loader.py
+++ b/src/loader.py
@@ -12,5 +12,6 @@ def load(path):
     rows = []
-    file = open(path)
-    rows = [parse(line) for line in file]
+    with open(path) as file:
+        rows = [parse(line) for line in file if line.strip() and not line.startswith("#")]
+
     return rows
""",
}

CROWD = """
from ipymultichat.session.events import UsersListed
from ipymultichat.wire.events import User
chat._hub.on_event(chat.servers[0].id, UsersListed(tuple(User(f"id-{n}", f"person {n}") for n in range(2_000))))
"""


def crowd(notebook: Notebook, servers: dict[str, ServerProcess], agents: list[Agent]) -> Iterator[str]:
    """More people than a browser holds, and a text of which it has the beginning."""
    page = notebook.page
    log = page.get_by_role("log", name="Messages")
    agents.append(Agent(servers["Work"].url, "Is this log as it should be?\n\n" + "epoch 1: loss 0.25\n" * 3_000))
    notebook.run_below(CROWD)
    expect(page.get_by_text("more online")).to_be_visible()
    card = page.get_by_role("article").filter(has_text="Is this log as it should be?")
    expect(card).to_contain_text("of 57,030 characters")
    scroll(log, "end")
    yield "crowd"
    page.get_by_role("searchbox", name="Find people").fill("person 1234")
    people = page.get_by_role("list", name="Online users")
    expect(people.get_by_role("button", name="person 1234@Work")).to_be_visible()
    card.get_by_role("button", name="Show all").click()
    expect(card).not_to_contain_text("of 57,030 characters")
    yield "crowd-found"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    servers = {name: ServerProcess().start() for name in ("Home", "Work")}
    agents: list[Agent] = []
    ada = Chat([servers["Home"].url], token=TOKEN, nickname="ada", io="thread", profile=":memory:")
    try:
        with tempfile.TemporaryDirectory() as name, Children() as children, sync_playwright() as playwright:
            folder = Path(name)
            entries = [{"name": key, "url": server.url} for key, server in servers.items()]
            variables = {"MULTICHAT_CONFIG_DIR": str(folder / "config"), **scriptable(folder)}
            lab = Lab(children, folder, free_port(0), variables)
            lab.start()
            options = f"{entries!r}, token={TOKEN!r}, nickname='me'"
            code = f"from ipymultichat import MultiChat\nchat = MultiChat({options})\nchat"
            chromium = playwright.chromium.launch(executable_path=chromium_path.find(), args=chromium_path.ARGUMENTS)

            def opened(file: str, source: str) -> Notebook:
                page = chromium.new_context(viewport={"width": 1900, "height": 1000}, locale="en-US").new_page()
                path = lab.notebooks / file
                path.write_text(document(source))
                notebook = Notebook(page, path, f"{lab.address_of(file)}&reset")
                notebook.open()
                return notebook

            notebook = opened("inbox.ipynb", code)
            notebook.run()
            for state in states(notebook, servers, agents):
                take(notebook, state)
            notebook.page.context.close()
            blank = opened("empty.ipynb", "from ipymultichat import MultiChat\nMultiChat([], profile=':memory:')")
            blank.page.locator(".jp-CodeCell .cm-content").first.click()
            blank.page.keyboard.press("Shift+Enter")
            blank.root().wait_for()
            take(blank, "no-server")
            blank.page.context.close()
            one = f"[{entries[1]!r}], token={TOKEN!r}, profile=':memory:'"
            crowded = opened("crowd.ipynb", f"from ipymultichat import MultiChat\nchat = MultiChat({one})\nchat")
            crowded.page.locator(".jp-CodeCell .cm-content").first.click()
            crowded.page.keyboard.press("Shift+Enter")
            expect(crowded.page.get_by_role("button", name="1 of 1 servers connected")).to_be_visible()
            for state in crowd(crowded, servers, agents):
                take(crowded, state)
            chromium.close()
    finally:
        ada.close()
        for agent in agents:
            agent.end()
        for server in servers.values():
            server.kill()
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER}")


if __name__ == "__main__":
    main()
