import pytest

from ipymultichat.wire import agentassist_pb2 as pb
from ipymultichat.wire import decode
from ipymultichat.wire.names import escape_invisible


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
