"""Much of everything: a very long log, and a page at 200 %."""

import os
import re

import pytest
from lab_page import AT_REST, TOKEN, Notebook, OpenNotebook, StartAgent, document
from playwright.sync_api import expect
from processes import ServerProcess

from ipymultichat.cli.lab import Lab

pytestmark = [pytest.mark.browser, pytest.mark.timeout(480)]

MESSAGES = int(os.environ.get("LARGE", "10000")) - 1
"""`LARGE=100000` makes, with the one that is asked, as many as a kernel without a disk keeps: the whole takes 80 s."""

FILL = """
from datetime import datetime, timedelta, timezone
from ipymultichat import MultiChat
from ipymultichat.model import Message, MessageKind, MessageStatus, TextContent

chat = MultiChat([{{"name": "Work", "url": {url!r}}}], token={token!r}, nickname="me", profile=":memory:")
(server,) = chat.servers
now = datetime.now(timezone.utc)
for n in range({count}):
    text = f"message {{n}}: " + "word " * (n % 37) + ("\\n\\n```python\\nx = 1\\n```" if n % 11 == 0 else "")
    chat._hub.inbox.add(
        Message(
            id=f"m{{n}}", request_id=f"m{{n}}", kind=MessageKind.CHAT, status=MessageStatus.RECEIVED,
            server_id=server.id, server_name=server.label, text=text, contents=(TextContent(text),),
            sender=f"p{{n % 3}}", receiver="me", sender_id="p", receiver_id="me",
            created_at=now - timedelta(minutes={count} - n), deadline=None,
        ),
        received_at=now,
    )
chat
"""

TO_THE_TOP = """async log => {
    const frames = async count => {
        for (; count; count -= 1) await new Promise(resolve => requestAnimationFrame(resolve));
    };
    // JupyterLab holds back what observers are told of sizes, so that a few frames are not always enough.
    const rest = () => (AT_REST)(log);
    const number = item => Number(/message (\\d+):/.exec(item.textContent)?.[1]);
    const items = () => [...log.querySelectorAll("article")].filter(item => !Number.isNaN(number(item)));
    const result = { pages: 0, cards: 0, moved: 0, ordered: true };
    for (;;) {
        // Near the top, but not so near that the next page is asked for: what is above is drawn and measured.
        log.scrollTop = 700;
        await rest();
        log.scrollTop = 300;
        const top = log.getBoundingClientRect().top;
        const place = item => item.getBoundingClientRect().top - top;
        const anchor = items().find(item => place(item) > 0);
        const [held, before, height] = [number(anchor), place(anchor), log.scrollHeight];
        for (let waited = 0; log.scrollHeight - height < 1_000 && waited < 300; waited += 1) await frames(1);
        if (log.scrollHeight - height < 1_000) break;
        await rest();
        const again = items().find(item => number(item) === held);
        result.moved = Math.max(result.moved, again ? Math.abs(place(again) - before) : Infinity);
        result.cards = Math.max(result.cards, log.querySelectorAll("article").length);
        const numbers = items().map(number);
        result.ordered &&= numbers.every((n, index) => index === 0 || n === numbers[index - 1] + 1);
        result.pages += 1;
    }
    log.scrollTop = 0;
    await frames(3);
    return { ...result, first: number(items()[0]) };
}""".replace("AT_REST", AT_REST)


def test_a_log_of_any_length_is_read_to_the_first_and_nothing_jumps(
    lab: Lab, open_notebook: OpenNotebook, servers: dict[str, ServerProcess], ask: StartAgent
) -> None:
    path = lab.notebooks / "large.ipynb"
    path.write_text(document(FILL.format(url=servers["Work"].url, token=TOKEN, count=MESSAGES)))
    notebook = open_notebook(path)
    page = notebook.page
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    notebook.badge("1 of 1").wait_for(timeout=60_000)
    log = page.get_by_role("log", name="Messages")
    expect(log.get_by_text(f"message {MESSAGES - 1}:")).to_be_visible()
    result = log.evaluate(TO_THE_TOP)
    assert result["first"] == 0
    assert result["ordered"]
    assert result["moved"] <= 1
    assert result["cards"] <= 60
    assert result["pages"] <= 2 * MESSAGES / 500

    ask("Work", "Still there?", "--agent", "claude")
    pill = page.get_by_role("button", name=re.compile(r"^1 new"))
    expect(pill).to_be_visible()
    expect(log.get_by_text("message 0:")).to_be_in_viewport()
    pill.click()
    card = notebook.card("Question from claude on Work", "Still there?")
    expect(card).to_be_in_viewport()
    box = card.get_by_role("textbox", name="Your answer")
    box.press_sequentially("typed among them all")
    expect(box).to_have_value("typed among them all")
    search = page.get_by_role("searchbox", name="Search messages")
    search.fill("message 4242:")
    expect(page.get_by_role("article")).to_have_count(1)
    search.fill("")
    expect(box).to_have_value("typed among them all")


REACHABLE = """root => {
    const inside = (item, box) => item.left >= box.left - 1 && item.right <= box.right + 1;
    const found = [];
    for (const item of root.querySelectorAll("button, input, select, textarea, a[href], [tabindex='0']")) {
        if (!item.offsetParent || item.disabled || item.closest(".imc-sr")) continue;
        item.scrollIntoView({ block: "nearest" });
        const own = item.getBoundingClientRect();
        const box = root.getBoundingClientRect();
        const high = Math.min(own.height, 24);
        const seen = own.top > -1 && own.top + high <= innerHeight + 1 && own.top > box.top - 1;
        if (!inside(own, box) || !seen) found.push(item.ariaLabel || item.outerHTML.slice(0, 100));
    }
    for (const item of [root, ...root.querySelectorAll(".imc-log, .imc-dialog, .imc-dialog-body, .imc-card")])
        if (item.scrollWidth > item.clientWidth + 1) found.push(`${item.className} scrolls sideways`);
    return found;
}"""


def test_at_200_percent_nothing_is_cut_off_and_everything_can_be_reached(notebook: Notebook, ask: StartAgent) -> None:
    page = notebook.page
    ask("Work", "Which format?", "--option", "Parquet (Recommended)", "--option", "CSV", "--agent", "exporter")
    ask("Home", "A_long_name_without_any_place_to_break_" * 4 + "?", "--agent", "claude-code", "--model", "opus-5")
    expect(notebook.card("Question from claude-code on Home", "A_long_name")).to_be_visible()
    # A window of 1280 by 800 at 200 %, and the list of files closed as one would there.
    page.evaluate("window.jupyterapp.commands.execute('application:toggle-left-area')")
    page.set_viewport_size({"width": 640, "height": 400})
    notebook.root().evaluate("root => { root.style.inlineSize = '320px'; root.scrollIntoView() }")
    notebook.settle()
    assert notebook.root().evaluate(REACHABLE) == []
    assert page.get_by_role("log", name="Messages").evaluate("log => log.clientHeight") >= 80
    page.get_by_role("button", name="Filters").click()
    assert notebook.root().evaluate(REACHABLE) == []
    page.get_by_role("button", name="Filters").click()
    for button, dialog in (("2 of 2 servers connected", "Server connections"), ("Settings", "Settings")):
        page.get_by_role("button", name=button, exact=True).click()
        shown = page.get_by_role("dialog", name=dialog)
        shown.get_by_role("button", name="Add server").click()
        assert shown.evaluate(REACHABLE) == [], dialog
        page.keyboard.press("Escape")
