"""What some servers tell besides: of agents that went away, and of themselves."""

from __future__ import annotations

import pytest
from frames import agent_state, frame, notice

from ipymultichat.model import AgentState
from ipymultichat.wire import SLICED, decode, decode_in_slices
from ipymultichat.wire.events import AgentStateChanged, NoticeChanged, UnknownCommand


@pytest.mark.parametrize(("word", "state"), [("away", "away"), ("back", ""), ("kept", "kept"), ("fetched", "fetched")])
def test_each_word_is_a_state_of_the_agents_of_all_requests_named(word: str, state: str) -> None:
    event = decode(agent_state(word, "q1", "q2"))
    assert isinstance(event, AgentStateChanged)
    assert (event.state, event.request_ids) == (state, ("q1", "q2"))


def test_a_word_of_a_later_version_is_an_unknown_command_cut_to_a_length() -> None:
    event = decode(agent_state("asleep" * 1_000, "q1"))
    assert isinstance(event, UnknownCommand)
    assert event.cmd.startswith("RequestState asleep")
    assert len(event.cmd) < 2_000


def test_a_state_without_ids_is_one_of_nobody() -> None:
    assert decode(frame("RequestState", StrParam="away")) == AgentStateChanged(AgentState.AWAY, ())


def test_many_ids_come_in_parts() -> None:
    ids = tuple(f"request-{number:05}" for number in range(5_000))
    raw = agent_state("kept", *ids)
    assert len(raw) > SLICED
    parts = [event for event in decode_in_slices(raw) if isinstance(event, AgentStateChanged)]
    assert len(parts) == 10
    assert tuple(request_id for part in parts for request_id in part.request_ids) == ids
    assert {part.state for part in parts} == {"kept"}


def test_what_a_server_says_of_itself_is_cut_and_hides_nothing() -> None:
    event = decode(notice("down\x1b[31m " + "x" * 1_000_000))
    assert isinstance(event, NoticeChanged)
    assert event.text.startswith("down⟦U+001B⟧[31m xx")
    assert len(event.text) < 600
    assert decode(notice("")) == NoticeChanged("")
