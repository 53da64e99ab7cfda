import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import chromium_path
import pytest
from lab_page import (
    CLEAR,
    SIZE,
    TOKEN,
    Agent,
    Join,
    Notebook,
    OpenNotebook,
    StartAgent,
    load,
    scriptable,
    write_profile,
)
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright
from processes import ServerProcess

from ipymultichat.cli.children import Children
from ipymultichat.cli.demo import NOTEBOOK, free_port, notebook_path
from ipymultichat.cli.lab import Lab
from ipymultichat.hub import Chat

expect.set_options(timeout=20_000)  # milliseconds: other tests run beside these


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, ServerProcess]]:
    made = {name: ServerProcess().start() for name in ("Home", "Work")}
    yield made
    for server in made.values():
        server.kill()


@pytest.fixture(scope="package")
def jupyterlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One JupyterLab for all modules: it takes longer to start than most tests to run."""
    folder = tmp_path_factory.mktemp("lab")
    with Children() as children:
        lab = Lab(
            children, folder, free_port(0), {"MULTICHAT_CONFIG_DIR": str(folder / "config"), **scriptable(folder)}
        )
        lab.start()
        yield lab


@pytest.fixture(scope="module")
def lab(jupyterlab: Lab, servers: dict[str, ServerProcess]) -> Iterator[Lab]:
    """The JupyterLab, with a new profile that knows both servers."""
    config = jupyterlab.notebooks.parent / "config"
    write_profile(config, servers)
    yield jupyterlab
    for session in jupyterlab.request("GET", "sessions"):
        jupyterlab.request("DELETE", f"sessions/{session['id']}")
    shutil.rmtree(config)
    for path in jupyterlab.notebooks.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium_path.find(), args=chromium_path.ARGUMENTS, headless="HEADED" not in os.environ
        )
        yield started
        started.close()


@pytest.fixture
def ask(servers: dict[str, ServerProcess]) -> Iterator[StartAgent]:
    """Starts agents; those that still wait are ended after the test."""
    started: list[Agent] = []

    def start(server: str, text: str, *options: str) -> Agent:
        started.append(Agent(servers[server].url, text, *options))
        return started[-1]

    yield start
    for agent in started:
        agent.end()


@pytest.fixture
def person(servers: dict[str, ServerProcess]) -> Iterator[Join]:
    """Makes people who are online on a server, and lets them go."""
    made: list[Chat] = []

    def join(nickname: str, server: str) -> Chat:
        made.append(Chat([servers[server].url], token=TOKEN, nickname=nickname, io="thread", profile=":memory:"))
        return made[-1]

    yield join
    for chat in made:
        chat.close()


@pytest.fixture(scope="package")
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """One for all tests: what a browser has loaded of JupyterLab it keeps, which saves half the time of most tests."""
    made = chromium.new_context(viewport=SIZE, locale="en-US")
    yield made
    made.close()


@pytest.fixture(scope="package")
def desk(jupyterlab: Lab, context: BrowserContext) -> Iterator[Page]:
    """A page with JupyterLab in it, for the first notebook of each test: to load one takes longer than most tests."""
    page = context.new_page()
    load(page, jupyterlab)
    yield page
    page.close()


@pytest.fixture
def open_notebook(lab: Lab, desk: Page, context: BrowserContext) -> Iterator[OpenNotebook]:
    """Opens notebooks, the first in the desk, others in pages of their own; all must stay free of script errors."""
    pages: list[Page] = []
    errors: list[str] = []

    def hear(error: Error) -> None:
        errors.append(str(error))

    def start(path: Path) -> Notebook:
        page = context.new_page() if pages else desk
        pages.append(page)
        page.on("pageerror", hear)
        made = Notebook(page, path, f"{lab.address_of(path.name)}&reset")
        made.open(here=page is desk)
        return made

    yield start
    for page in pages:
        page.remove_listener("pageerror", hear)
    for page in pages[1:]:
        page.close()
    desk.evaluate(CLEAR)
    desk.set_viewport_size(SIZE)
    context.clear_permissions()
    assert errors == []


@pytest.fixture
def notebook(lab: Lab, open_notebook: OpenNotebook) -> Notebook:
    """The quickstart notebook, run."""
    path = lab.notebooks / NOTEBOOK
    shutil.copy(notebook_path(), path)
    made = open_notebook(path)
    made.run()
    return made
