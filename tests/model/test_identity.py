from __future__ import annotations

import pickle
from typing import Any

import pytest

from ipymultichat.errors import ConfigError
from ipymultichat.model import MessageStatus, Secret, nickname_of, token_of


@pytest.mark.parametrize(
    ("bad", "named"), [("", "''"), ("  ", "'  '"), ("x" * 200, "200"), ("a\tb", "control"), (7, "7")]
)
def test_a_bad_nickname_is_refused_by_name(bad: Any, named: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        nickname_of(bad)
    assert named in str(caught.value)


def test_a_nickname_may_be_in_any_script() -> None:
    assert nickname_of(" Zoë 张 ") == "Zoë 张"


@pytest.mark.parametrize("bad", ["", "   ", "s3cret\n2", "s3cret" * 500, b"s3cret"])
def test_a_bad_token_is_refused_without_being_shown(bad: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        token_of(bad)
    assert "s3cret" not in str(caught.value) + repr(caught.value)


def test_a_secret_shows_itself_nowhere() -> None:
    secret = Secret("s3cret")
    assert "s3cret" not in f"{secret} {secret!r} {[secret]} { ({'token': secret}) }"
    assert secret.reveal() == "s3cret"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_statuses_compare_and_print_as_their_words() -> None:
    word: str = MessageStatus.PENDING
    assert word == "pending"
    assert f"{MessageStatus.PENDING:>8}|{MessageStatus.PENDING}" == " pending|pending"
