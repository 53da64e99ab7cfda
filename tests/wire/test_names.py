import pytest
from frames import cancelled, frame, presence, question

from ipymultichat.model.invisible import escape_invisible
from ipymultichat.wire import agentassist_pb2 as pb
from ipymultichat.wire import decode
from ipymultichat.wire import events as e


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("ad\u200ba", "ad⟦U+200B⟧a"),
        ("\u202etxt.exe", "⟦U+202E⟧txt.exe"),
        ("a\nb", "a⟦U+000A⟧b"),
        ("yes\U000e0041", "yes⟦U+E0041⟧"),
    ],
)
def test_hidden_characters_are_written_out(given: str, shown: str) -> None:
    assert escape_invisible(given) == shown


@pytest.mark.parametrize("name", ["ada", "Zoë", "张伟", "👩\u200d💻", "\u0645\u06cc\u200c\u062e", "שלום\u200f"])
def test_honest_names_stay_as_they_are(name: str) -> None:
    assert escape_invisible(name) == name


def test_names_from_a_server_hide_nothing() -> None:
    notice = pb.UserConnectionStatusNotification(user=pb.OnlineUser(client_id="1", nickname="ad\u200ba"))
    event = decode(
        pb.WebsocketMessage(
            Cmd="UserConnectionStatusNotification", UserConnectionStatusNotification=notice
        ).SerializeToString()
    )
    assert event.user.nickname == "ad⟦U+200B⟧a"


@pytest.mark.parametrize("filler", ["\u3164", "\u2800", "\u034f", "\ufe0f", "\u1160", "\uffa0"])
def test_fillers_that_look_like_nothing_are_written_out(filler: str) -> None:
    assert escape_invisible(f"ada{filler}") == f"ada⟦U+{ord(filler):04X}⟧"


@pytest.mark.parametrize("name", ["❤️ ada", "1️⃣", "☕️"])
def test_the_sign_that_makes_a_symbol_an_emoji_stays(name: str) -> None:
    assert escape_invisible(name) == name


def test_what_becomes_state_is_cut_and_hides_nothing() -> None:
    long = "\x07" + "x" * 1_000_000
    login = decode(frame("UserLogin", UserLoginResponse=pb.UserLoginResponse(error_message=long)))
    assert isinstance(login, e.LoginAnswered)
    assert login.error == "⟦U+0007⟧" + "x" * 499 + "…"
    person = decode(presence("id" * 10_000, "n" * 1_000_000))
    assert isinstance(person, e.PresenceChanged)
    assert (len(person.user.client_id), len(person.user.nickname)) == (1_000, 201)
    withdrawn = decode(cancelled("q1", long))
    assert isinstance(withdrawn, e.RequestCancelled)
    assert len(withdrawn.reason) < 600
    asked = decode(question("q1", ProjectDirectory="/x" * 1_000_000))
    assert isinstance(asked, e.RequestReceived)
    assert len(asked.request.project_directory) == 4_096


def test_more_options_than_anybody_can_choose_from_become_part_of_the_text() -> None:
    options = [pb.Option(label=f"option {n}", description="why " * 10) for n in range(5_000)]
    asked = decode(question("q1", "", Questions=[pb.Question(question="Which?", options=options)]))
    assert isinstance(asked, e.RequestReceived)
    assert asked.request.options == ()
    assert asked.request.text.startswith("Which?\n- option 0: why")
    assert "option 4999" in asked.request.text
