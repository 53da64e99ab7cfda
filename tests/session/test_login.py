import pytest
from frames import Driver, ask, login, pending, presence, question, users

from ipymultichat.session import Phase
from ipymultichat.session import events as s


def test_a_login_is_the_first_thing_sent_and_carries_token_and_nickname(driver: Driver) -> None:
    assert driver.connect(nickname="Zoë") == ["UserLogin"]
    assert driver.sent[0].StrParam == "tok"
    assert driver.sent[0].Nickname == "Zoë"


def test_after_every_login_pending_requests_and_users_are_asked_for(driver: Driver) -> None:
    for _ in range(2):
        driver.connect()
        assert driver.receive(login()) == ["GetPendingMessages", "GetOnlineUsers"]
        driver.drop()


def test_a_presence_frame_before_the_login_answer_is_harmless(driver: Driver) -> None:
    driver.connect()
    driver.receive(presence(), login("me-7"))
    assert driver.session.client_id == "me-7"
    assert driver.take(s.UserChanged) == []


def test_a_refused_login_is_reported_with_the_servers_words(driver: Driver) -> None:
    driver.connect()
    driver.receive(login(success=False, error="wrong token"))
    (failed,) = driver.take(s.LoginFailed)
    assert failed.refused
    assert "wrong token" in failed.reason
    assert driver.session.phase is Phase.LOGIN


def test_a_login_that_is_never_answered_fails_after_its_time(driver: Driver) -> None:
    driver.connect()
    driver.wait(9.9)
    assert driver.take() == []
    driver.wait(0.2)
    (failed,) = driver.take(s.LoginFailed)
    assert not failed.refused
    assert "10 s" in failed.reason


def test_resynced_comes_once_both_lists_are_there(driver: Driver) -> None:
    driver.connect()
    driver.receive(login(), pending())
    assert driver.take(s.Resynced) == []
    driver.receive(users())
    assert len(driver.take(s.Resynced)) == 1


def test_a_server_that_never_lists_its_users_is_resynced_all_the_same(driver: Driver) -> None:
    driver.connect()
    driver.receive(login(), pending())
    driver.wait(11)
    events = driver.take()
    assert any(isinstance(event, s.Resynced) for event in events)
    assert any(isinstance(event, s.Trouble) and "online" in event.text for event in events)


def test_a_list_that_comes_late_is_taken_all_the_same(driver: Driver) -> None:
    driver.connect()
    driver.receive(login())
    driver.wait(11)
    driver.take()
    driver.receive(pending(ask("late")), users(("ada-1", "ada")))
    (listed,) = driver.take(s.PendingListed)
    assert [request.request_id for request in listed.requests] == ["late"]
    driver.do(lambda session, now: session.send_chat("c1", "ada-1", "ada", "hi", now))
    assert driver.sent[-2].Cmd == "SendChatMessage"


def test_a_late_list_is_not_taken_for_the_answer_to_the_next_call(driver: Driver) -> None:
    driver.connect()
    driver.receive(login(), pending())
    driver.wait(11)
    driver.receive(presence("ada-1", "ada"))
    driver.do(lambda session, now: session.send_chat("c1", "ada-1", "ada", "hi", now))
    driver.receive(users(("ada-1", "ada")))  # the answer to the first question
    assert driver.take(s.ChatSent) == []
    driver.receive(users(("ada-1", "ada")))
    assert driver.take(s.ChatSent) == [s.ChatSent("c1")]


def test_oneself_is_not_among_the_users(driver: Driver) -> None:
    driver.connect()
    driver.receive(login("me-1"), pending(), users(("me-1", "me"), ("ada-1", "ada")))
    (listed,) = driver.take(s.UsersListed)
    assert [user.nickname for user in listed.users] == ["ada"]


def test_a_request_pushed_while_the_list_is_on_its_way_counts_as_live(driver: Driver) -> None:
    driver.connect()
    driver.receive(login(), question("q9"), pending(ask("q1")), users())
    (listed,) = driver.take(s.PendingListed)
    assert [request.request_id for request in listed.requests] == ["q1"]
    assert listed.waits == frozenset({"q1", "q9"})


def test_a_rename_is_a_second_login_on_the_same_connection(driver: Driver) -> None:
    driver.log_in()
    assert driver.do(lambda session, now: session.rename("ada2")) == ["UserLogin"]
    assert driver.receive(login("me-1")) == []
    assert driver.session.phase is Phase.READY


@pytest.mark.parametrize("raw", [b"\xff\xff\xff", "text", b"\x0a\x02\xff\xff"])
def test_what_is_not_understood_is_counted_and_the_session_goes_on(driver: Driver, raw: bytes | str) -> None:
    driver.log_in()
    driver.receive(raw)
    assert driver.session.ignored == 1
    assert len(driver.take(s.Trouble)) == 1
    driver.receive(question())
    assert len(driver.take(s.RequestArrived)) == 1


def test_a_rename_in_mid_login_is_sent_after_it(driver: Driver) -> None:
    driver.connect()
    assert driver.do(lambda session, now: session.rename("ada2")) == []
    assert "UserLogin" in driver.receive(login())
    assert driver.sent[-3].Nickname == "ada2"


def test_much_nonsense_is_counted_and_reported_now_and_then(driver: Driver) -> None:
    driver.log_in()
    for _ in range(1000):
        driver.receive(b"\xff")
    assert driver.session.ignored == 1000
    assert len(driver.take(s.Trouble)) == 4
