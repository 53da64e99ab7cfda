"""The wheel as people install it, `[lab,server]` in an environment without Node: the inbox in the side bar answers."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import package
import pytest
from frontends import JUPYTER, answers
from lab_page import TOKEN, write_profile
from playwright.sync_api import Browser, expect
from processes import ServerProcess, end, start
from waiting import wait_until

from ipymultichat.cli.demo import free_port

pytestmark = [pytest.mark.browser, pytest.mark.package, pytest.mark.timeout(240)]

PYTHON = package.python(package.INBOX)


@pytest.fixture
def server() -> Iterator[ServerProcess]:
    made = ServerProcess(TOKEN, python=PYTHON).start()
    yield made
    made.kill()


@pytest.fixture
def address(server: ServerProcess, tmp_path: Path) -> Iterator[str]:
    """Of a JupyterLab of that environment, for somebody whose profile knows the server."""
    write_profile(tmp_path / "config", {"Work": server})
    port = free_port(0)
    command = [PYTHON, "-m", "jupyterlab", *JUPYTER.format(port=port).split()]
    with (tmp_path / "log").open("w") as log:
        process = start(command, package.bare(package.INBOX, tmp_path), cwd=tmp_path, stderr=log)
    try:
        wait_until(lambda: answers(process, port, tmp_path / "log"), 60)
        yield f"http://127.0.0.1:{port}/lab"
    finally:
        end(process)


def test_the_inbox_of_the_wheel_opens_from_the_side_bar_without_a_notebook_and_answers_a_question(
    address: str, server: ServerProcess, chromium: Browser, tmp_path: Path
) -> None:
    page = chromium.new_context(viewport={"width": 1200, "height": 900}, locale="en-US").new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(error.stack or str(error)))
    page.goto(address)
    tab = page.locator(".lm-TabBar-tab[data-id=ipymultichat]")
    tab.click(timeout=60_000)
    panel = page.get_by_role("region", name="MultiChat")
    expect(panel.get_by_role("button", name="1 of 1 servers connected")).to_be_visible(timeout=60_000)
    asking = start(
        [PYTHON, "-m", "ipymultichat", "ask", server.url, "Shall the albatross fly?", "--agent", "claude"],
        {**package.bare(package.INBOX, tmp_path), "MULTICHAT_TOKEN": TOKEN},
    )
    try:
        expect(tab).to_contain_text("1")
        card = panel.get_by_role("article", name="Question from claude on Work")
        expect(card).to_contain_text("Shall the albatross fly?")
        card.get_by_role("textbox", name="Your answer").press_sequentially("after lunch")
        card.get_by_role("button", name="Reply").click()
        assert asking.communicate(timeout=30)[0] == "after lunch\n"
    finally:
        end(asking)
    expect(card).to_contain_text("after lunch")
    expect(page.locator(".jp-NotebookPanel")).to_have_count(0)
    page.screenshot(path=package.RESULTS / "inbox.png")
    page.context.close()
    assert errors == []
    code = "import importlib.metadata as m, platform; print(m.version('jupyterlab'), platform.python_version())"
    jupyterlab, python = subprocess.check_output([PYTHON, "-c", code], text=True).split()
    package.note("inbox", {"jupyterlab": jupyterlab, "python": python})
