"""Rows 6, 7 and 8b: views of very many messages, in a real JupyterLab in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from browser import RUN, Pages, pages, run
from feeder import Feeder
from playwright.sync_api import Page
from rows import ROUNDS, Row

FEW, MANY = 100, 100_000
WORDS = ("message 4242:", "message 77777:", "message 99001:", "message 12345:", "message 50505:")

FILL = """
from datetime import datetime, timedelta, timezone
from ipymultichat import MultiChat
from ipymultichat.model import Message, MessageKind, MessageStatus, TextContent

def filled(count):
    chat = MultiChat([{url!r}], token="t", nickname="me", profile=":memory:")
    (server,) = chat.servers
    now = datetime.now(timezone.utc)
    for n in range(count):
        text = f"message {{n}}: " + "word " * (n % 37)
        chat._hub.inbox.add(
            Message(
                id=f"m{{n}}", request_id=f"m{{n}}", kind=MessageKind.CHAT, status=MessageStatus.RECEIVED,
                server_id=server.id, server_name=server.label, text=text, contents=(TextContent(text),),
                sender="ada", receiver="me", sender_id="p", receiver_id="me",
                created_at=now - timedelta(minutes=count - n), deadline=None,
            ),
            received_at=now,
        )
    return chat

few, many = filled({few}), filled({many})
print("filled")
"""

SCROLL = """async log => {
    const deltas = [];
    let last = performance.now();
    for (let still = 0; still < 200; ) {
        await new Promise(resolve => requestAnimationFrame(resolve));
        const now = performance.now();
        deltas.push(now - last);
        last = now;
        const before = log.scrollTop;
        log.scrollTop -= 1500;
        still = before === 0 ? still + 1 : 0;
    }
    return { deltas, first: log.textContent.includes("message 0:") };
}"""

SEARCH = """async ([root, text]) => {
    const field = root.querySelector("input[type=search]");
    const set = value => {
        Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, value);
        field.dispatchEvent(new Event("input", { bubbles: true }));
    };
    const until = async condition => {
        while (!condition()) await new Promise(resolve => requestAnimationFrame(resolve));
    };
    const articles = () => root.querySelectorAll("article");
    const began = performance.now();
    set(text);
    await until(() => articles().length === 1 && articles()[0].textContent.includes(text));
    const took = performance.now() - began;
    set("");
    await until(() => articles().length > 1);
    return took;
}"""


def rows(pages: Pages) -> Iterator[Row]:
    """A view of few and of many; through the many to the first; a search there; the page's memory."""
    with Feeder() as feeder:
        cells = FILL.format(url=feeder.urls[0], few=FEW, many=MANY), "few", "many"
        with pages.notebook(*cells) as (page, _notebook):
            page.evaluate(RUN, 0)
            page.get_by_text("filled", exact=True).wait_for(timeout=300_000)
            opened = [(run(page, 1, "article"), run(page, 2, "article")) for _ in range(ROUNDS + 1)][1:]
            root = page.locator(".imc-root").last
            before = _heap(page)
            root.scroll_into_view_if_needed()
            scrolled: dict[str, Any] = root.locator(".imc-log").evaluate(SCROLL)
            assert scrolled["first"], "the first message was not reached"
            after = _heap(page)
            handle = root.element_handle()
            found = [float(page.evaluate(SEARCH, [handle, word])) for word in WORDS]
    few, many = ([pair[side] for pair in opened] for side in (0, 1))
    deltas = sorted(scrolled["deltas"])
    yield Row("6", f"opening a view on {MANY:,}", "ms", many, 1.3, few, f"on {FEW}")
    yield Row("7a", f"frames while scrolling through {MANY:,}, p99", "ms", [deltas[int(0.99 * len(deltas))]], 50)
    yield Row("7b", f"first results of a search in {MANY:,}", "ms", found, 100)
    yield Row("8b", f"heap of the page, {MANY:,} scrolled through", "MB", [after], 1.5, [before], "before")


def _heap(page: Page) -> float:
    """Megabytes of JavaScript's heap that are in use, after its collector ran."""
    session = page.context.new_cdp_session(page)
    for command in ("HeapProfiler.collectGarbage", "Performance.enable"):
        session.send(command)
    metrics: Sequence[dict[str, Any]] = session.send("Performance.getMetrics")["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == "JSHeapUsedSize")) / 1e6


def main(folder: Path) -> list[Row]:
    """Measure: 100,000 messages are scrolled through for some minutes."""
    with pages(folder) as made:
        return list(rows(made))
