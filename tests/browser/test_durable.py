"""Servers that forget nothing, as a person sees them: agents that lose their connection, and come back."""

import re
from collections.abc import Iterator

import pytest
from lab_page import Notebook, StartAgent
from playwright.sync_api import expect
from processes import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ServerProcess]]:
    folder = tmp_path_factory.mktemp("stores")
    made = {
        name: ServerProcess(options=["--store", f"sqlite:///{folder}/{name}.db", "--hold"]).start()
        for name in ("Home", "Work")
    }
    yield made
    for server in made.values():
        server.kill()


def test_an_answer_is_kept_for_an_agent_that_is_away_and_shown_as_fetched_when_it_has_come_for_it(
    notebook: Notebook, ask: StartAgent
) -> None:
    agent = ask("Work", "Deploy build 142?", "--agent", "claude", "--id", "deploy-142")
    card = notebook.card("Question from claude on Work", "Deploy build 142?")
    expect(card).to_contain_text("pending")
    agent.end()
    expect(card).to_contain_text("agent is away")
    card.get_by_role("textbox", name="Your answer").fill("Yes, to staging first")
    card.get_by_role("button", name="Reply").click()
    expect(card).to_contain_text("kept for the agent")
    assert (
        ask("Work", "Deploy build 142?", "--agent", "claude", "--id", "deploy-142").answer() == "Yes, to staging first"
    )
    expect(card).to_contain_text("fetched by the agent")


def test_a_question_outlives_its_server_and_the_answer_reaches_the_agent_that_asked_before(
    notebook: Notebook, servers: dict[str, ServerProcess], ask: StartAgent
) -> None:
    agent = ask("Home", "Water the plants?", "--agent", "gardener")
    card = notebook.card("Question from gardener on Home", "Water the plants?")
    expect(card).to_contain_text("pending")
    servers["Home"].kill()
    notebook.badge("1 of 2")
    servers["Home"].start()
    notebook.badge("2 of 2")
    card.get_by_role("textbox", name="Your answer").fill("The ferns, yes")
    card.get_by_role("button", name="Reply").click()
    assert agent.answer() == "The ferns, yes"
    # Fetched, where the answer was there before the agent tried again.
    expect(card).to_contain_text(re.compile("replied|fetched by the agent"))
