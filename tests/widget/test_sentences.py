"""What the kernel says, in the other language: none is missing, none is out of date."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "ipymultichat"
SENTENCES: dict[str, str] = json.loads((ROOT / "js/src/locales/zh.json").read_text())["sentences"]
RAISED_FOR_A_BROWSER = ("hub/resolve.py", "hub/messages.py", "widget/files.py", "widget/commands.py", "model/server.py")
SAID_OF_CONNECTIONS = ("net/reasons.py", "net/probe.py", "net/connection.py", "session/chats.py", "session/replies.py")
FOR_PROGRAMS = (
    "waiting here would",
    "the delivery is not settled",
    "unknown key",
    "a server entry needs",
    "a server is an",
)
"""Beginnings of what only code can bring about."""


def form(node: ast.AST) -> str | None:
    """A text with `{}` in place of its values."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def texts(path: Path) -> Iterator[str]:
    """All texts of a module but its docstrings and parts of longer texts."""
    tree = ast.parse(path.read_text())
    left_out = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    left_out |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        text = form(node)
        if text is not None and id(node) not in left_out:
            yield text


def raised(path: Path) -> set[str]:
    """What the module raises with."""
    tree = ast.parse(path.read_text())
    calls = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)]
    return {text for call in calls for text in map(form, call.args[:1]) if text}


def test_every_sentence_in_another_language_is_one_that_the_kernel_says() -> None:
    said = {text for path in PACKAGE.rglob("*.py") for text in texts(path)}
    assert set(SENTENCES) - said == set()


@pytest.mark.parametrize("module", RAISED_FOR_A_BROWSER)
def test_what_a_command_of_the_browser_may_be_refused_with_is_known_in_the_other_language(module: str) -> None:
    missing = raised(PACKAGE / module) - set(SENTENCES)
    assert {text for text in missing if not text.startswith(FOR_PROGRAMS)} == set()


@pytest.mark.parametrize("module", SAID_OF_CONNECTIONS)
def test_what_is_said_of_connections_and_deliveries_is_known_in_the_other_language(module: str) -> None:
    said = {text for text in texts(PACKAGE / module) if text.count(" ") >= 3 and not text.startswith("ipymultichat")}
    assert said - set(SENTENCES) == set()
