"""Nothing that comes from an agent or a stranger runs, asks the network for anything, or breaks out of its card."""

import pytest
from lab_page import Notebook, StartAgent
from playwright.sync_api import Dialog, expect
from processes import ServerProcess
from waiting import wait_until

from ipymultichat.hub import Chat

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

CORPUS = [
    "<script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned = 2'>",
    "<svg onload='window.pwned = 3'><script>window.pwned = 4</script></svg>",
    "<iframe srcdoc='<script>parent.pwned = 5</script>'></iframe>",
    "[click](javascript:window.pwned=6) [data](data:text/html,<script>window.pwned=7</script>)",
    "![pixel](https://tracker.example.org/pixel.png) ![svg](data:image/svg+xml,<svg onload='window.pwned=8'/>)",
    "<style>body { display: none }</style><div style='position:fixed;inset:0;z-index:99999;background:red'>over</div>",
    "<form action='https://evil.example.org'><input name=token><button>Reply</button></form>",
    "<a href='https://evil.example.org' style='position:fixed;inset:0'>all of the page</a>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--><img src=x onerror=window.pwned=9>'>",
    "```html\n<script>window.pwned = 10</script>\n```",
    "`<img src=x onerror=window.pwned=11>`",
    "<base href='https://evil.example.org/'><link rel=stylesheet href='https://evil.example.org/x.css'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example.org'>",
]
NAME = "<img src=x onerror=window.pwned=20>"


def test_hostile_text_and_names_do_nothing(
    notebook: Notebook, ask: StartAgent, servers: dict[str, ServerProcess]
) -> None:
    page = notebook.page
    foreign = []
    page.on(
        "request",
        lambda request: (
            None
            if "127.0.0.1" in request.url or request.url.startswith(("data:", "blob:"))
            else foreign.append(request.url)
        ),
    )
    dialogs = []

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", dismiss)
    for number, hostile in enumerate(CORPUS):
        ask("Work", f"{hostile}\n\nmark {number} end", "--agent", NAME, "--model", hostile[:60])
        expect(page.get_by_role("article").filter(has_text=f"mark {number} end")).to_be_attached(timeout=15_000)
    ada = Chat([servers["Work"].url], token="s3cret-token", nickname=NAME, io="thread", profile=":memory:")
    me = wait_until(lambda: next((user for user in ada.users if user.nickname == "me"), None))
    ada.send(me, CORPUS[1]).result(10)
    expect(page.get_by_role("article", name=f"Chat with {NAME}@Work")).to_be_visible()
    ada.close()
    assert page.evaluate("window.pwned") is None
    assert dialogs == []
    assert foreign == []
    root = page.locator(".imc-root").first
    for tag in ("script", "iframe", "style", "form[action]", "meta", "link", "base", "svg[onload]", "[onerror]"):
        assert root.locator(tag).count() == 0, tag
    assert root.locator("[style*='position:fixed']").count() == 0
    expect(page.locator(".jp-Notebook")).to_be_visible()


def test_hidden_characters_are_shown(notebook: Notebook, ask: StartAgent) -> None:
    agent = "cl\u200baude"
    ask("Work", "open invoice\u202efdp.exe now?", "--agent", agent)
    card = notebook.page.get_by_role("article").filter(has_text="now?")
    expect(card).to_contain_text("invoice⟦U+202E⟧fdp.exe")
    expect(card).to_contain_text("cl⟦U+200B⟧aude")
