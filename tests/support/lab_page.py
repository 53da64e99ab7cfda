"""What browser tests drive: a notebook with the widget in a page, and agents in processes of their own."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from playwright.sync_api import Locator, Page, ViewportSize, expect
from processes import ServerProcess, end, start

from ipymultichat.cli.lab import Lab
from ipymultichat.hub import Chat

TOKEN = "s3cret-token"


StartAgent = Callable[..., "Agent"]
"""Lets an agent ask on a server: its name, the text, further options of `ipymultichat ask`."""
Join = Callable[[str, str], Chat]
"""Makes somebody with a nickname who is online on a server."""
OpenNotebook = Callable[[Path], "Notebook"]

SIZE: ViewportSize = {"width": 1200, "height": 1000}
IS_READY = "() => window.jupyterapp && document.querySelector('.jp-Launcher')"
# Returns nothing: Playwright would take seconds over the notebook's panel.
OPEN = "path => void window.jupyterapp.commands.execute('docmanager:open', { path, factory: 'Notebook' })"
# What a test left: its notebooks and panels (thrown away, as closing would ask whether to save), its theme, its drafts.
CLEAR = """async () => {
    const { commands, shell } = window.jupyterapp;
    for (const area of ['main', 'right'])
        for (const widget of [...shell.widgets(area)])
            if (area === 'main' || widget.node.querySelector('.imc-root')) widget.dispose();
    localStorage.clear();
    sessionStorage.clear();
    if (document.body.dataset.jpThemeLight === 'false')
        await commands.execute('apputils:change-theme', { theme: 'JupyterLab Light' });
}"""
AT_REST = """async log => {
    const place = () => `${log.scrollTop} ${log.scrollHeight} ${log.clientHeight}`;
    let still = 0;
    for (let last = place(); still < 10; ) {
        await new Promise(resolve => requestAnimationFrame(resolve));
        const now = place();
        still = now === last ? still + 1 : 0;
        last = now;
    }
}"""


def scriptable(folder: Path) -> dict[str, str]:
    """Variables that let a test speak to the JupyterLab in its page."""
    settings = folder / "jupyter"
    settings.mkdir()
    # Kernels whose ports somebody else takes before they do would not start.
    config = {"LabApp": {"expose_app_in_browser": True}, "KernelManager": {"transport": "ipc"}}
    (settings / "jupyter_lab_config.json").write_text(json.dumps(config))
    return {"JUPYTER_CONFIG_DIR": str(settings)}


def write_profile(folder: Path, servers: Mapping[str, ServerProcess]) -> None:
    """Make the profile of somebody, `me`, who knows these servers."""
    folder.mkdir()
    entries = [{"id": name, "name": name, "url": server.url, "isEnabled": True} for name, server in servers.items()]
    path = folder / "default.json"
    path.touch(0o600)  # it holds a token
    path.write_text(json.dumps({"server_configs": entries, "token": TOKEN, "nickname": "me"}))


def document(*cells: str) -> str:
    """A notebook file with these cells of code."""
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    made: list[dict[str, object]] = [
        {"cell_type": "code", "id": f"c{n}", "metadata": {}, "source": cell, "outputs": [], "execution_count": None}
        for n, cell in enumerate(cells)
    ]
    return json.dumps({"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})


def load(page: Page, lab: Lab) -> None:
    """Show a JupyterLab in which no notebook is open."""
    # Without the reset, it opens the notebooks of earlier tests again.
    page.goto(f"{lab.address_of('').replace('/tree/', '')}&reset")
    page.wait_for_function(IS_READY, timeout=60_000)


class Agent:
    """An agent in a process of its own, which waits for the answer to one question."""

    def __init__(self, url: str, text: str, *options: str) -> None:
        command = [sys.executable, "-m", "ipymultichat", "ask", url, text, *options]
        environment = {**os.environ, "MULTICHAT_TOKEN": TOKEN}
        self.process = start(command, environment)

    def answer(self, timeout: float = 15) -> str:
        """What it printed; it must have ended well."""
        out, _ = self.process.communicate(timeout=timeout)
        assert self.process.returncode == 0
        return out.rstrip("\n")

    def waits(self) -> bool:
        return self.process.poll() is None

    def end(self) -> None:
        end(self.process)


class Notebook:
    """A notebook with the widget, open in a page."""

    def __init__(self, page: Page, path: Path, address: str) -> None:
        self.page = page
        self.path = path
        self.address = address

    def open(self, *, here: bool = False) -> None:
        """Show it, in the JupyterLab that the page shows already, or load that (again)."""
        if here:
            self.page.evaluate(OPEN, self.path.name)
        else:
            self.page.goto(self.address)
        self.page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
        # A cell run before its kernel is there is not run at all.
        expect(self.page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)

    def run(self, servers: int = 2) -> None:
        self.page.locator(".jp-CodeCell .cm-content").first.click()
        self.page.keyboard.press("Shift+Enter")
        self.badge(f"{servers} of {servers}").wait_for(timeout=30_000)

    def run_below(self, code: str) -> None:
        """Run code in a new cell below the widget's."""
        self.page.locator(".jp-CodeCell .cm-content").last.click()
        for key in ("Escape", "b", "Enter"):
            self.page.keyboard.press(key)
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Shift+Enter")

    def badge(self, counts: str) -> Locator:
        return self.page.get_by_role("button", name=f"{counts} servers connected")

    def card(self, name: str, text: str) -> Locator:
        return self.page.get_by_role("article", name=name).filter(has_text=text)

    def save(self) -> str:
        """Save, and return what the file holds then."""
        before = self.path.stat().st_mtime_ns
        self.page.locator(".jp-MarkdownCell").first.click()
        self.page.keyboard.press("Control+s")
        self.page.wait_for_function("() => !document.querySelector('.lm-TabBar-tab.jp-mod-current.jp-mod-dirty')")
        while self.path.stat().st_mtime_ns == before:
            self.page.wait_for_timeout(50)
        return self.path.read_text()

    def settle(self) -> None:
        """Wait until the list has come to rest: ten frames, however long each takes, in which nothing moves."""
        self.page.get_by_role("log", name="Messages").first.evaluate(AT_REST)

    def root(self) -> Locator:
        """The first view of the widget."""
        return self.page.locator(".imc-root:visible").first

    def theme(self, name: str) -> None:
        """Switch the theme; not from the menu, as a click there would close what is open in the widget."""
        self.page.evaluate("name => window.jupyterapp.commands.execute('apputils:change-theme', { theme: name })", name)
        side = "false" if "Dark" in name else "true"
        self.page.locator(f'body[data-jp-theme-light="{side}"]').wait_for(state="attached")
