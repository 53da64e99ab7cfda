"""How `serve` and `demo` end: by Ctrl-C wherever they were started, by SIGTERM, with their terminal, or killed."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator

import pytest
from processes import IGNORING, PROCESSES, carrying, end, start
from waiting import wait_until

pytestmark = [
    pytest.mark.skipif(not PROCESSES.is_dir(), reason="looks at processes through /proc"),
    pytest.mark.timeout(120),
]

IPYMULTICHAT = (sys.executable, "-m", "ipymultichat")


def hangup(handling: str) -> tuple[str, ...]:
    """Return what goes before a command that ends with its terminal or, as under nohup, does not."""
    code = f"signal.signal(signal.SIGHUP, signal.{handling}); os.execv(sys.argv[1], sys.argv[1:])"
    return sys.executable, "-c", f"import os, signal, sys; {code}"


# Neither depends on whether the tests themselves run under nohup.
NOHUP, TERMINAL = hangup("SIG_IGN"), hangup("SIG_DFL")
Run = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def mark() -> str:
    """What the environment of a test's processes carries, and so that of all they start."""
    return uuid.uuid4().hex


@pytest.fixture
def run(mark: str) -> Iterator[Run]:
    """Start a command."""
    started = []

    def run(*command: str) -> subprocess.Popen[str]:
        started.append(start(command, {**os.environ, "MULTICHAT_TEST": mark, "PYTHONUNBUFFERED": "1"}))
        return started[-1]

    yield run
    for process in started:
        end(process)
    for number in carrying(mark):
        os.kill(int(number), signal.SIGKILL)


def printed(process: subprocess.Popen[str], pattern: str) -> str:
    """Read on until a line fits; return what fits."""
    assert process.stdout is not None
    return next(found[0] for line in process.stdout if (found := re.search(pattern, line)))


def test_serve_can_be_interrupted_where_its_parent_ignores_that(run: Run, mark: str) -> None:
    server = run(*IGNORING, *IPYMULTICHAT, "serve", "--port", "0")
    printed(server, "listening on")
    server.send_signal(signal.SIGINT)
    assert server.wait() == 0
    wait_until(lambda: not carrying(mark), seconds=60)


def test_serve_ends_with_its_terminal_unless_told_to_go_on(run: Run) -> None:
    server, steady = (run(*before, *IPYMULTICHAT, "serve", "--port", "0") for before in (TERMINAL, NOHUP))
    printed(server, "listening on")
    address = printed(steady, r"[\d.]+:\d+")
    for process in (server, steady):
        process.send_signal(signal.SIGHUP)
    assert server.wait() == 0
    with urllib.request.urlopen(f"http://{address}/health") as answer:
        assert answer.status == 200


def test_the_demo_can_be_interrupted_where_its_parent_ignores_that(run: Run, mark: str) -> None:
    demo = run(*IGNORING, *IPYMULTICHAT, "demo", "--no-browser")
    printed(demo, "http://")
    assert len(carrying(mark)) > 4
    demo.send_signal(signal.SIGINT)
    assert demo.wait() == 0
    wait_until(lambda: not carrying(mark), seconds=60)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_demo_that_is_told_to_end_takes_everything_with_it(run: Run, mark: str, name: str) -> None:
    demo = run(*TERMINAL, *IPYMULTICHAT, "demo", "--no-browser")
    printed(demo, "Work: ws://")
    for _ in range(3):  # once more does not disturb the tidying up
        demo.send_signal(signal.Signals[name])
    assert demo.wait() == 0
    wait_until(lambda: not carrying(mark), seconds=60)


def test_of_a_demo_that_is_killed_nothing_is_left(run: Run, mark: str) -> None:
    demo = run(*IPYMULTICHAT, "demo", "--no-browser")
    printed(demo, "Work: ws://")
    demo.kill()
    demo.wait()
    wait_until(lambda: not carrying(mark), seconds=60)
