"""`docs/operating.md` says what is there, and nothing else."""

import argparse
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from ipymultichat.cli import serve
from ipymultichat.server import LocalServer

PAGE = Path(__file__).parents[2] / "docs" / "operating.md"


def section(title: str) -> str:
    return PAGE.read_text("utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return str(found)


def test_every_flag_is_in_the_table_and_none_that_is_not_there() -> None:
    program = argparse.ArgumentParser()
    serve.add_parser(commands := program.add_subparsers())
    actions = commands.choices["serve"]._actions
    flags = {flag for action in actions for flag in action.option_strings if flag.startswith("--")} - {"--help"}
    rows = [line for line in section("Flags").splitlines() if line.startswith("| `--")]
    assert {flag for row in rows for flag in re.findall(r"--[a-z-]+", row.split("|")[1])} == flags
    used = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", block("ini") + block("nginx") + block("python")))
    assert used <= flags


async def test_every_metric_is_in_the_table_and_none_that_is_not_there() -> None:
    async with LocalServer(metrics=True) as server, httpx.AsyncClient(trust_env=False) as http:
        told = (await http.get(f"{server.http_url}/metrics")).text
    names = set(re.findall(r"^# TYPE (\w+) ", told, re.MULTILINE))
    assert set(re.findall(r"^\| `(\w+)`", section("Metrics"), re.MULTILINE)) == names


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "multichat.service"
    # The program and the user are not on this machine.
    text = block("ini").replace("/opt/multichat/bin/ipymultichat", "/bin/true").replace("User=multichat", "User=daemon")
    unit.write_text(text, "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    told = [line for line in done.stderr.splitlines() if "multichat.service" in line]
    assert (done.returncode, told) == (0, [])
