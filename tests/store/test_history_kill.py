"""Kernels are killed in the middle of writing; what they said is stored is there.

`KILLS=100 pytest tests/store/test_history_kill.py` kills a hundred of them.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import scribe
from histories import kept

from ipymultichat.store.history import history_path

KILLS = int(os.environ.get("KILLS", "8"))


def killed(profile: str, seed: int, kernels: int) -> dict[str, int]:
    """Let kernels write for a moment, kill them, and return the versions of messages they said are stored."""
    chance = random.Random(seed)
    children = [
        subprocess.Popen(
            [sys.executable, scribe.__file__, profile, f"{seed}{number}"], stdout=subprocess.PIPE, text=True
        )
        for number in range(kernels)
    ]
    outputs = [child.stdout for child in children if child.stdout]
    for output in outputs:
        assert output.readline() == "open\n"
    with ThreadPoolExecutor(len(children)) as pool:
        lines = pool.map(list[str], outputs)
        for child in children:
            try:
                child.wait(chance.uniform(0, 2))  # the first line takes a second on a slow machine
            except subprocess.TimeoutExpired:
                child.send_signal(signal.SIGKILL)
        assert {child.wait() for child in children} == {-signal.SIGKILL}
    for output in outputs:
        output.close()
    said: dict[str, int] = {}
    for line in (line for found in lines for line in found if line.endswith("\n")):
        key, version = line.split()
        said[key] = int(version)
    return said


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.timeout(60 + 5 * KILLS)
def test_what_was_said_to_be_stored_is_there_after_the_kernel_was_killed() -> None:
    stored = 0
    expected: dict[str, int] = {}
    for seed in range(KILLS):
        profile = f"killed {seed // 10}"  # ten of them leave their messages in one file
        if seed % 10 == 0:
            expected = {}
        said = killed(profile, seed, kernels=2 if seed % 4 == 3 else 1)
        expected |= said
        stored += len(said)
        found = {entry.message.id: entry.message for entry in kept(profile, limit=10**6)}
        missing = [key for key, version in expected.items() if int(found[key].text.split()[0]) < version]
        assert missing == []
        assert all(message.reply is None or message.reply.text == "yes" for message in found.values())
        with closing(sqlite3.connect(history_path(profile))) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            connection.execute("INSERT INTO words(words) VALUES ('integrity-check')")
    assert stored > KILLS
    assert not list(history_path("x").parent.glob("*corrupt*"))
