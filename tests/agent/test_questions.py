from typing import Any

import pytest

from ipymultichat.agent.questions import question_of
from ipymultichat.errors import ConfigError
from ipymultichat.model import Option, Question
from ipymultichat.wire import agentassist_pb2 as pb
from ipymultichat.wire.contents import question_to_wire

WHOLE = pb.Question(
    question="Which?",
    header="Pick",
    options=[pb.Option(label="A", description="first"), pb.Option(label="B")],
    multiple=True,
    custom=True,
)


@pytest.mark.parametrize(
    "value",
    [
        Question("Which?", "Pick", (Option("A", "first"), Option("B")), multiple=True, custom=True),
        {
            "question": "Which?",
            "header": "Pick",
            "options": [{"label": "A", "description": "first"}, "B"],
            "multiple": True,
            "custom": True,
        },
    ],
)
def test_questions_and_mappings_mean_the_same(value: Any) -> None:
    assert question_to_wire(question_of(value)) == WHOLE


def test_only_the_text_is_needed() -> None:
    assert question_to_wire(question_of({"question": "Which?"})) == pb.Question(question="Which?")


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("Which?", "mapping"),
        ({}, "question"),
        ({"question": " "}, "question"),
        ({"question": "?", "choices": []}, "choices"),
        ({"question": "?", "options": "AB"}, "options"),
        ({"question": "?", "options": 5}, "options"),
        ({"question": "?", "options": [5]}, "option"),
        ({"question": "?", "options": [{"label": ""}]}, "label"),
        ({"question": "?", "options": [{"label": "A", "colour": 1}]}, "colour"),
        ({"question": "?", "multiple": "yes"}, "multiple"),
        ({"question": "?", "header": 5}, "header"),
    ],
)
def test_what_does_not_fit_is_named(value: Any, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        question_of(value)
