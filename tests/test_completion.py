# mypy: disable-error-code="func-returns-value"

from __future__ import annotations

import asyncio
import os
import threading
from datetime import datetime, timezone
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest
from waiting import until

from ipymultichat import completion as module
from ipymultichat.completion import FRESH, ProjectPaths, best_paths, list_project, names_another_machine
from ipymultichat.model import Message, MessageKind, MessageStatus


def message(directory: Any) -> Any:
    return Message(
        "m", MessageKind.QUESTION, "s", "S", "r", "?", datetime.now(timezone.utc), MessageStatus.PENDING, str(directory)
    )


def fill(root: Any, *names: Any) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


@pytest.fixture
def project(tmp_path: Path) -> Any:
    root = tmp_path.resolve() / "project"
    fill(root, "README.md", "src/main.py", "src/util/paths.py", "tests/test_main.py")
    return root


def completing(root: Any, clock: Any = lambda: 0.0) -> Any:
    return ProjectPaths({"m": message(root)}.get, clock=clock)


async def test_paths_of_the_messages_project_are_found_by_a_few_letters(project: Any) -> None:
    paths = completing(project)
    assert sorted(await paths.complete("m", "spy")) == ["src/main.py", "src/util/paths.py", "tests/test_main.py"]
    assert await paths.complete("m", "main") == ["src/main.py", "tests/test_main.py"]
    assert (await paths.complete("m", "util"))[0] == "src/util/"


async def test_an_empty_query_shows_what_lies_near_the_root(project: Any) -> None:
    assert await completing(project).complete("m", "") == [
        "README.md", "src/", "tests/", "src/main.py", "src/util/", "tests/test_main.py", "src/util/paths.py",
    ]  # fmt: skip


async def test_a_directory_that_no_message_names_is_never_listed(project: Any) -> None:
    paths = ProjectPaths(lambda _id: None)
    assert await paths.complete("m", "") is None
    assert await paths.complete(str(project), "") is None


@pytest.mark.parametrize("directory", ["", ".", "src", "/nowhere/at/all", "~nobody-like-this/x", "\0", "../.."])
async def test_what_is_no_directory_of_this_machine_gives_nothing(directory: Any) -> None:
    assert await completing(directory).complete("m", "") is None


NETWORK = [
    r"\\host\share", "//host/share", r"\/host/share", r"/\host\share", r"\\?\UNC\host\share", "//?/UNC/host/share",
    r"\\.\UNC\host\share", r"\\host@SSL@443\DavWWWRoot\x", "///host/share", r"\\?\C:\proj",
]  # fmt: skip


@pytest.mark.parametrize("directory", NETWORK)
async def test_a_path_of_the_network_is_refused_before_anything_is_asked_of_the_system(
    directory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(*_args: object) -> None:
        raise AssertionError("a path was made of it")

    monkeypatch.setattr(module, "Path", asked)
    assert await completing(directory).complete("m", "") is None


@pytest.mark.parametrize("directory", NETWORK)
def test_what_windows_takes_for_a_host_or_a_device_counts_as_another_machine(directory: str) -> None:
    assert names_another_machine(directory)


@pytest.mark.parametrize(
    "directory",
    ["/proj", r"C:\proj", "C:/proj", "~/proj", r"~\proj", "proj//x", r"C:\\host\share", "", r"\proj", "http://host/x"],
)
def test_no_path_of_this_machine_counts_as_one_of_another(directory: str) -> None:
    assert not names_another_machine(directory)
    # What is absolute on Windows and on no drive is of the network.
    path = PureWindowsPath(directory)
    assert not path.is_absolute() or path.drive.endswith(":")


async def test_two_slashes_before_a_real_directory_are_refused_as_well(project: Any) -> None:
    assert await completing(project).complete("m", "main") != []
    assert await completing(f"/{project}").complete("m", "main") is None


async def test_the_loop_goes_on_while_the_directory_is_looked_for(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []
    look = Path.is_dir

    def is_dir(path: Path) -> bool:
        threads.append(threading.current_thread())
        return look(path)

    monkeypatch.setattr(Path, "is_dir", is_dir)
    await completing(project).complete("m", "main")
    assert threads
    assert threading.main_thread() not in threads


@pytest.mark.parametrize("query", ["../secret", "..", "/etc/passwd", "secret", "../../", "~"])
async def test_no_query_leads_out_of_the_project(project: Any, query: Any) -> None:
    fill(project.parent, "secret.txt")
    found = await completing(project).complete("m", query)
    assert not any("secret" in path or ".." in path or path.startswith("/") for path in found)


def test_links_are_never_followed_and_shown_only_when_they_stay_inside(project: Any) -> None:
    fill(project.parent, "outside/secret.txt")
    (project / "out").symlink_to(project.parent / "outside")
    (project / "out.txt").symlink_to(project.parent / "outside" / "secret.txt")
    (project / "loop").symlink_to(project)
    (project / "gone").symlink_to(project / "nothing")
    (project / "inside.py").symlink_to(project / "src" / "main.py")
    found = list_project(project)
    assert "inside.py" in found
    assert "loop/" in found
    assert not any(path.startswith("loop/") and path != "loop/" for path in found)
    assert not any(path.startswith(("out", "gone")) for path in found)


def test_ignore_files_hold_below_them_and_the_deepest_decides(project: Any) -> None:
    (project / ".gitignore").write_text("*.log\nbuild/\n/only-here\n")
    (project / "src" / ".gitignore").write_text("!keep.log\nmain.py\n")
    fill(project, "a.log", "src/keep.log", "src/b.log", "build/x.txt", "src/only-here", "only-here", ".git/config")
    found = list_project(project)
    assert {"src/keep.log", "src/only-here", "README.md", "tests/test_main.py"} <= set(found)
    assert not {"a.log", "src/b.log", "build/", "build/x.txt", "only-here", "src/main.py", ".git/"} & set(found)


def test_a_link_in_place_of_an_ignore_file_is_not_read(project: Any) -> None:
    (project.parent / "rules").write_text("*\n")
    (project / ".gitignore").symlink_to(project.parent / "rules")
    assert "README.md" in list_project(project)


def test_a_listing_is_bounded_and_begins_near_the_root(project: Any) -> None:
    assert list_project(project, most=3) == ("README.md", "src/", "tests/")


async def test_a_listing_is_read_once_and_again_after_a_while(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    read: list[Any] = []
    monkeypatch.setattr(module, "list_project", lambda root: (read.append(root), list_project(root))[1])
    paths = completing(project, clock=lambda: now[0])
    await asyncio.gather(*(paths.complete("m", query) for query in ("a", "b", "c")))
    assert read == [project]
    fill(project, "fresh.py")
    assert await paths.complete("m", "fresh") == []
    now[0] = FRESH
    assert await paths.complete("m", "fresh") == ["fresh.py"]
    assert len(read) == 2


async def test_the_loop_goes_on_while_a_project_is_read(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, threads = threading.Event(), []
    monkeypatch.setattr(
        module, "list_project", lambda root: (threads.append(threading.current_thread()), gate.wait(5), ())[-1]
    )
    asking = asyncio.ensure_future(completing(project).complete("m", ""))
    await until(lambda: threads)
    assert threads[0] is not threading.main_thread()
    gate.set()
    assert await asking == []


def test_a_directory_that_cannot_be_read_is_left_out(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path).name == "src":
            raise PermissionError
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert "tests/test_main.py" in list_project(project)


@pytest.mark.parametrize(
    ("query", "paths", "first"),
    [
        ("main", ["domain/x.py", "src/main.py"], "src/main.py"),
        ("tm", ["attempt.md", "tests/test_main.py"], "tests/test_main.py"),
        ("READ", ["bread.txt", "readme.md"], "readme.md"),
        ("srcutil", ["src/util/paths.py", "scripts/run-utility-local.sh"], "src/util/paths.py"),
    ],
)
def test_the_best_path_comes_first(query: Any, paths: Any, first: Any) -> None:
    assert best_paths(query, paths, 5)[0] == first


def test_twenty_thousand_paths_are_searched_within_a_moment() -> None:
    import time

    paths = [f"src/package{n % 97}/module_{n}/file_{n}.py" for n in range(20_000)]
    started = time.perf_counter()
    assert best_paths("pkg9mod19999", paths, 20)
    assert time.perf_counter() - started < 1
