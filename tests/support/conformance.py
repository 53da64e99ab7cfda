"""Runs the checks of MCP's own conformance suite against `/mcp`, and prints a table of what passes.

The suite is written for a server that has tools, prompts and resources of its own making. `tests/peers/lend.mjs`
stands between the two and lends it ours; a person here answers as the questions say.

    python tests/support/conformance.py [REVISION ...]
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path

import peers

from ipymultichat.hub import Chat
from ipymultichat.mcp.port import Waits
from ipymultichat.model import AudioContent, Content, ImageContent, Message, ResourceContent, TextContent
from ipymultichat.server import LocalServer

REVISIONS = ("2025-11-25", "2026-07-28")
TOKEN = "team"
SHOWN: Mapping[str, Content] = {
    "text": TextContent("as you asked"),
    "image": ImageContent(bytes.fromhex("89504e470d0a1a0a"), "image/png"),
    "audio": AudioContent(b"RIFF", "audio/wav"),
    "resource": ResourceContent("file:///notes.txt", "text/plain", b"notes"),
}

REASONS: Mapping[str, str] = {
    "elicitation-*": "asks its client for nothing",
    "input-required-*": "asks its client for nothing",
    "tasks-mrtr-*": "asks its client for nothing",
    "tools-call-elicitation": "asks its client for nothing",
    "tools-call-sampling": "asks its client for nothing",
    "server-stateless": "asks its client for nothing, and so lacks no capability of it",
    "prompts-*": "has no prompts",
    "resources-*": "has no resources of its own",
    "caching": "has no prompts and no resources of its own",
    "completion-*": "completes nothing",
    "logging-*": "sends its log to nobody",
    "tools-call-with-logging": "sends its log to nobody",
    "http-custom-header-*": "has no tool that takes arguments from headers",
    "json-schema-*": "has no tool with the suite's schema",
    "server-sse-polling": "resumes no stream: an answer that was missed is had with await_answer",
    "tasks-lifecycle": "has no task that ends as a fault of the protocol: what goes wrong is a result",
    "tasks-required-*": "demands of no client that it knows tasks",
}
"""Why a scenario does not pass: the server …"""


async def answered(message: Message) -> list[Content] | str:
    """Answer as a question says: `say WORDS`, `show KIND …`, `after SECONDS LABEL`, `never`."""
    verb, _, rest = message.text.partition(" ")
    if verb == "show":
        return [SHOWN[kind] for kind in rest.split()]
    if verb == "after":
        await asyncio.sleep(float(rest.split()[0]))
    elif verb == "never":
        await asyncio.sleep(3600)
    return rest


def suite(url: str, revision: str, folder: Path) -> None:
    """Let the suite check what a revision requires, and what is not part of it; it writes what it saw to a folder."""
    command = ["conformance", "server", "--url", url, "--requirements", revision, "--timeout", "20000"]
    peers.output(*command, "--output-dir", str(folder))


def rows(folder: Path) -> Iterator[tuple[str, int, list[str]]]:
    """Yield each scenario, how many of its checks pass, and the ones that do not."""
    for checks in sorted(folder.glob("server-*/checks.json")):
        seen = [(check["id"], check["status"]) for check in json.loads(checks.read_text())]
        scenario = re.sub(r"-[\d-]{10}T[\d-]+Z$", "", checks.parent.name.removeprefix("server-"))
        passed = sum(status == "SUCCESS" for _, status in seen)
        yield scenario, passed, [name for name, status in seen if status == "FAILURE"]


async def check(revisions: list[str]) -> int:
    """Print the tables; returns how many checks fail for no reason that is known."""
    unexplained = 0
    async with LocalServer(token=TOKEN, waits=Waits(beat=0.2, poll=0.5)) as server:
        chat = Chat([server.url], token=TOKEN, nickname="ada", profile=":memory:")
        chat.on_message(answered)
        await chat.connect()
        with peers.lent(server.http_url, TOKEN) as url:
            for revision in revisions:
                with tempfile.TemporaryDirectory() as folder:
                    await asyncio.to_thread(suite, f"{url}/mcp", revision, Path(folder))
                    print(f"\n| {revision} | passed | failed | why |\n| --- | --- | --- | --- |")
                    for scenario, passed, failed in rows(Path(folder)):
                        why = next((text for name, text in REASONS.items() if failed and fnmatch(scenario, name)), "")
                        unexplained += len(failed) if not why else 0
                        print(f"| {scenario} | {passed} | {len(failed)} | {why or ' '.join(failed)} |")
        chat.close()
    return unexplained


if __name__ == "__main__":
    peers.install()
    sys.exit(bool(asyncio.run(check(sys.argv[1:] or list(REVISIONS)))))
