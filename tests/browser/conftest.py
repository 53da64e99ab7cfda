import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import browser
import pytest
from playwright.sync_api import expect, sync_playwright
from processes import ServerProcess

from ipymultichat.cli.children import Children
from ipymultichat.cli.demo import NOTEBOOK, free_port, notebook_path
from ipymultichat.cli.lab import Lab

TOKEN = "s3cret-token"


class Agent:
    """An agent in a process of its own, which waits for the answer to one question."""

    def __init__(self, url, text, *options):
        command = [sys.executable, "-m", "ipymultichat", "ask", url, text, *options]
        environment = {**os.environ, "MULTICHAT_TOKEN": TOKEN}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)

    def answer(self, timeout=15):
        """What it printed; it must have ended well."""
        out, _ = self.process.communicate(timeout=timeout)
        assert self.process.returncode == 0
        return out.rstrip("\n")

    def waits(self):
        return self.process.poll() is None


@pytest.fixture(scope="module")
def servers():
    made = {name: ServerProcess().start() for name in ("Home", "Work")}
    yield made
    for server in made.values():
        server.kill()


@pytest.fixture(scope="module")
def lab(servers, tmp_path_factory):
    """A JupyterLab whose profile knows both servers."""
    folder = tmp_path_factory.mktemp("lab")
    config = folder / "config"
    config.mkdir()
    entries = [{"id": name, "name": name, "url": server.url, "isEnabled": True} for name, server in servers.items()]
    (config / "default.json").write_text(json.dumps({"server_configs": entries, "token": TOKEN, "nickname": "me"}))
    with Children() as children:
        lab = Lab(children, folder, free_port(0), {"MULTICHAT_CONFIG_DIR": str(config)})
        lab.start()
        yield lab


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser.find(), args=browser.ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def ask(servers):
    """Starts agents; those that still wait are ended after the test."""
    started = []

    def start(server, text, *options):
        started.append(Agent(servers[server].url, text, *options))
        return started[-1]

    yield start
    for agent in started:
        agent.process.kill()
        agent.process.communicate()


class Notebook:
    """A notebook with the widget, open in a page."""

    def __init__(self, page, path: Path, address):
        self.page = page
        self.path = path
        self.address = address

    def open(self):
        self.page.goto(self.address)
        self.page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
        # A cell run before its kernel is there is not run at all.
        expect(self.page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)

    def run(self):
        self.page.locator(".jp-CodeCell .cm-content").first.click()
        self.page.keyboard.press("Shift+Enter")
        self.badge("2 of 2").wait_for(timeout=30_000)

    def badge(self, counts):
        return self.page.get_by_role("button", name=f"{counts} servers connected")

    def card(self, name, text):
        return self.page.get_by_role("article", name=name).filter(has_text=text)

    def save(self):
        """Save, and return what the file holds then."""
        before = self.path.stat().st_mtime_ns
        self.page.locator(".jp-MarkdownCell").first.click()
        self.page.keyboard.press("Control+s")
        self.page.wait_for_function("() => !document.querySelector('.lm-TabBar-tab.jp-mod-current.jp-mod-dirty')")
        while self.path.stat().st_mtime_ns == before:
            self.page.wait_for_timeout(50)
        return self.path.read_text()


@pytest.fixture
def open_notebook(lab, chromium):
    """Opens notebooks, each in a page of its own; every page must stay free of script errors."""
    contexts, errors = [], []

    def start(path):
        contexts.append(chromium.new_context(viewport={"width": 1200, "height": 1000}, locale="en-US"))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        # Without the reset, JupyterLab opens the notebooks of earlier tests again.
        made = Notebook(page, path, f"{lab.address_of(path.name)}&reset")
        made.open()
        return made

    yield start
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def notebook(lab, open_notebook):
    """The quickstart notebook, run."""
    path = lab.notebooks / NOTEBOOK
    shutil.copy(notebook_path(), path)
    made = open_notebook(path)
    made.run()
    return made
