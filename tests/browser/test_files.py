"""Attachments both ways, by picker, drop and paste; what agents and colleagues attach is shown and saved."""

import asyncio
import base64
import threading
from pathlib import Path

import pytest
from lab_page import TOKEN, Notebook
from playwright.sync_api import expect
from processes import ServerProcess

from ipymultichat.agent import AgentClient, Answer
from ipymultichat.hub import Chat

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Asking(threading.Thread):
    """An agent in a thread, which keeps all parts of the answer."""

    def __init__(self, url: str, question: str) -> None:
        super().__init__(daemon=True)
        self.client = AgentClient(url, TOKEN, agent_name="claude")
        self.question = question
        self.result: Answer | None = None
        self.start()

    def run(self) -> None:
        self.result = asyncio.run(self.client.ask_question(self.question, timeout=60))

    def answer(self) -> Answer:
        self.join(30)
        assert self.result is not None
        return self.result


def test_chosen_dropped_and_pasted_files_reach_the_agent(
    notebook: Notebook, servers: dict[str, ServerProcess], tmp_path: Path
) -> None:
    agent = Asking(servers["Work"].url, "Which files?")
    card = notebook.card("Question from claude on Work", "Which files?")
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(range(256)) * 12_000)
    with notebook.page.expect_file_chooser() as chooser:
        card.get_by_role("button", name="Attach files").click()
    chooser.value.set_files([large])
    files = card.get_by_role("list", name="Attachments")
    expect(files).to_contain_text("large.bin")
    expect(files).to_contain_text("2.9 MiB")
    box = card.get_by_role("textbox", name="Your answer")
    for event, kind, name in (("drop", "dataTransfer", "dropped.txt"), ("paste", "clipboardData", "pasted.txt")):
        box.evaluate(
            """(box, [event, kind, name]) => {
                const data = new DataTransfer();
                data.items.add(new File(["inside " + name], name, { type: "text/plain" }));
                const made = event === "drop"
                    ? new DragEvent(event, { dataTransfer: data, bubbles: true, cancelable: true })
                    : new ClipboardEvent(event, { clipboardData: data, bubbles: true, cancelable: true });
                box.dispatchEvent(made);
            }""",
            [event, kind, name],
        )
        expect(files).to_contain_text(name)
    card.get_by_role("button", name="Remove dropped.txt").click()
    expect(files.get_by_role("listitem")).to_have_count(2)
    box.fill("these two")
    card.get_by_role("button", name="Reply").click()
    answer = agent.answer()
    assert answer.text == "these two"
    assert [part.uri for part in answer.contents[1:]] == ["file:///large.bin", "file:///pasted.txt"]
    assert answer.contents[1].data == large.read_bytes()
    assert answer.contents[2].data == b"inside pasted.txt"
    expect(card).to_contain_text("replied")
    with notebook.page.expect_download() as saved:
        card.get_by_role("button", name="Download large.bin").click()
    assert saved.value.suggested_filename == "large.bin"
    assert saved.value.path().read_bytes() == large.read_bytes()


def test_a_file_over_the_limit_is_refused_with_the_limit(
    notebook: Notebook, servers: dict[str, ServerProcess], tmp_path: Path
) -> None:
    agent = Asking(servers["Work"].url, "A huge one?")
    card = notebook.card("Question from claude on Work", "A huge one?")
    huge = tmp_path / "huge.bin"
    with huge.open("wb") as file:
        file.truncate(20 * 2**20 + 1)
    with notebook.page.expect_file_chooser() as chooser:
        card.get_by_role("button", name="Attach files").click()
    chooser.value.set_files([huge])
    expect(card.get_by_role("alert")).to_contain_text("huge.bin: at most 20 MiB")
    card.get_by_role("textbox", name="Your answer").fill("without it")
    card.get_by_role("button", name="Reply").click()
    assert agent.answer().text == "without it"


def test_what_a_colleague_attached_is_shown_and_nothing_of_it_runs(
    notebook: Notebook, servers: dict[str, ServerProcess]
) -> None:
    asked = Asking(servers["Home"].url, "Look at these")
    card = notebook.card("Question from claude on Home", "Look at these")
    expect(card).to_be_visible()
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>window.top.ran = 1</script></svg>'
    ada = Chat([servers["Home"].url], token=TOKEN, nickname="ada", io="thread", profile=":memory:")
    came = threading.Event()
    ada.on_message(lambda message: came.set())
    from ipymultichat.model import AudioContent, ImageContent, ResourceContent

    page_file = ResourceContent("file:///page.html", "text/html", b"<script>window.top.ran = 2</script>")
    try:
        assert came.wait(15)
        parts = (
            ImageContent(PNG, "image/png"),
            ImageContent(svg, "image/svg+xml"),
            page_file,
            AudioContent(b"RIFF", "audio/wav"),
        )
        ada.reply(ada.messages.pending[0], "here", *parts)
        assert asked.answer().text == "here"
        expect(card.get_by_role("img", name="image, image/png · 70 B")).to_be_visible()
        svg_image = card.get_by_role("img", name="svg+xml")
        expect(svg_image).to_be_visible()
        assert svg_image.evaluate("image => image.complete && image.naturalWidth") == 9
        card.get_by_role("button", name="Play").click()
        expect(card.locator("audio")).to_be_visible()
        with notebook.page.expect_download() as saved:
            card.get_by_role("button", name="Download page.html").click()
        assert saved.value.path().read_bytes() == page_file.data
        assert notebook.page.evaluate("window.ran") is None
    finally:
        ada.close()
