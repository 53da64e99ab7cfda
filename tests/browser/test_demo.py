"""The demo as a newcomer runs it: one command, one address, a live inbox; and Ctrl-C ends all of it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from processes import PROCESSES, carrying, end, start
from waiting import wait_until

from ipymultichat.cli.demo import free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


Demo = tuple[subprocess.Popen[str], str]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    """The demo, running; gives its process and the address it printed."""
    command = [sys.executable, "-m", "ipymultichat", "demo", "--no-browser", "--port", str(free_port(0))]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    process = start(command, environment)
    assert process.stdout is not None
    address = next(found[0] for line in process.stdout if (found := re.search(r"http://\S+", line)))
    yield process, address
    end(process)


@pytest.mark.skipif(not PROCESSES.is_dir(), reason="looks at processes through /proc")
def test_the_demo_opens_with_the_inbox_live_and_ends_with_everything(
    demo: Demo, chromium: Browser, tmp_path: Path
) -> None:
    process, address = demo
    page = chromium.new_page(viewport={"width": 1200, "height": 1000}, locale="en-US")
    page.goto(address)
    expect(page.get_by_role("button", name="2 of 2 servers connected")).to_be_visible(timeout=60_000)
    for name in ("Question from claude-code on Work", "Question from exporter on Work", "Report from cursor on Home"):
        expect(page.get_by_role("article", name=name)).to_be_attached(timeout=15_000)
    expect(page.get_by_role("list", name="Online users").get_by_role("button", name="ada@Work")).to_be_visible()
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_role("button", name="2 of 2 servers connected")).to_have_count(1)
    card = page.get_by_role("article", name="Report from cursor on Home")
    card.get_by_role("button", name="Confirm").click()
    expect(card).to_contain_text("confirmed")
    page.close()
    assert len(carrying(str(tmp_path))) > 4
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    wait_until(lambda: not carrying(str(tmp_path)))
    assert list(tmp_path.glob("ipymultichat-demo-*")) == []
