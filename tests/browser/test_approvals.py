"""Approvals in a real JupyterLab: what an agent is about to do, and the buttons that decide it."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from lab_page import TOKEN, Notebook
from playwright.sync_api import expect
from processes import ServerProcess

from ipymultichat.agent import AgentClient
from ipymultichat.model import Approval, Option, Question

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

CHOICE = Question("Allow it?", "Approval", (Option("Allow"), Option("Deny")), custom=True)
PARTS = {"tool_name": "sql", "arguments": '{"query": "drop table t"}', "diff": "-a\n+b\n c"}
Approve = Callable[[str], "Future[str]"]


@pytest.fixture
def approve(servers: dict[str, ServerProcess]) -> Iterator[Approve]:
    """Lets an agent have an action approved on the server "Work"; returns the answer's text in time."""

    async def asked(action: str) -> str:
        async with AgentClient(servers["Work"].url, TOKEN, agent_name="claude") as client:
            approval = Approval(action=action, **PARTS)
            return (await client.ask_question(action, questions=[CHOICE], approval=approval, timeout=60)).text

    with ThreadPoolExecutor() as threads:
        yield lambda action: threads.submit(lambda: asyncio.run(asked(action)))


def test_an_approval_shows_its_parts_and_is_allowed_by_its_button(notebook: Notebook, approve: Approve) -> None:
    answer = approve("Drop the table.")
    card = notebook.card("Approval from claude on Work", "Drop the table.")
    expect(card.get_by_role("table", name="Arguments")).to_contain_text("drop table t")
    expect(card.get_by_role("insertion")).to_contain_text("b")
    expect(card.get_by_role("deletion")).to_contain_text("a")
    card.get_by_role("textbox", name="Your answer").press("Control+Enter")
    expect(card).to_contain_text("pending")
    card.get_by_role("button", name="Allow").click()
    assert answer.result(timeout=30) == "Q: Approval\nA: Allow"
    expect(card).to_contain_text("Allowed")
    expect(card.get_by_role("table")).to_have_count(0)


def test_an_approval_is_denied_with_a_reason(notebook: Notebook, approve: Approve) -> None:
    answer = approve("Drop the other table.")
    card = notebook.card("Approval from claude on Work", "Drop the other table.")
    card.get_by_role("textbox", name="Your answer").fill("use the copy")
    card.get_by_role("button", name="Deny").click()
    assert answer.result(timeout=30) == "Q: Approval\nA: Deny, use the copy"
    expect(card).to_contain_text("Denied: use the copy")


def test_an_approval_is_allowed_with_other_arguments(notebook: Notebook, approve: Approve) -> None:
    answer = approve("Drop a third table.")
    card = notebook.card("Approval from claude on Work", "Drop a third table.")
    card.get_by_role("button", name="Edit").click()
    box = card.get_by_role("textbox", name="Arguments (JSON)")
    box.fill("[]")
    card.get_by_role("button", name="Allow").click()
    expect(card.get_by_role("alert")).to_contain_text("not a JSON object")
    box.fill('{"query": "select 1"}')
    card.get_by_role("button", name="Allow").click()
    assert answer.result(timeout=30) == 'Q: Approval\nA: Allow, ```json\n{"query": "select 1"}\n```'
