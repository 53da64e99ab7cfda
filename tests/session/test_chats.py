from frames import Action, Driver, chat, login, presence, users

from ipymultichat.session import events as s


def send(ref: str = "c1", receiver: tuple[str, str] = ("ada-1", "ada"), text: str = "hi") -> Action:
    return lambda session, now: session.send_chat(ref, *receiver, text, now)


def test_a_message_is_sent_when_its_receiver_is_still_listed_right_after_it(driver: Driver) -> None:
    driver.log_in()
    assert driver.do(send()) == ["SendChatMessage", "GetOnlineUsers"]
    assert driver.take() == []
    driver.receive(users(("ada-1", "ada")))
    assert s.ChatSent("c1") in driver.take()


def test_a_receiver_who_left_in_between_fails_the_message_by_name(driver: Driver) -> None:
    driver.log_in()
    driver.do(send())
    driver.receive(users())
    (failed,) = driver.take(s.ChatFailed)
    assert failed.ref == "c1"
    assert "ada has left" in failed.reason


def test_a_receiver_who_is_not_online_gets_nothing(driver: Driver) -> None:
    driver.log_in(online=())
    assert driver.do(send()) == []
    assert "ada is not online" in driver.take(s.ChatFailed)[0].reason


def test_messages_go_one_at_a_time_with_a_gap(driver: Driver) -> None:
    driver.log_in()
    for number in range(3):
        driver.do(send(f"c{number}"))
    for _ in range(2):
        assert driver.receive(users(("ada-1", "ada"))) == []
        assert driver.wait(0.01) == ["SendChatMessage", "GetOnlineUsers"]
    driver.receive(users(("ada-1", "ada")))
    assert [event.ref for event in driver.take(s.ChatSent)] == ["c0", "c1", "c2"]


def test_a_connection_lost_in_between_says_that_it_may_have_arrived(driver: Driver) -> None:
    driver.log_in()
    driver.do(send("c1"))
    driver.do(send("c2"))
    driver.drop()
    first, second = driver.take(s.ChatFailed)
    assert "may have arrived" in first.reason
    assert "may have arrived" not in second.reason


def test_chat_while_disconnected_fails_at_once(driver: Driver) -> None:
    driver.do(send())
    assert "not connected" in driver.take(s.ChatFailed)[0].reason


def test_chat_works_again_on_the_next_connection(driver: Driver) -> None:
    driver.log_in()
    driver.do(send())
    driver.drop()
    driver.log_in()
    assert driver.do(send("c2")) == ["SendChatMessage", "GetOnlineUsers"]


def test_what_others_write_arrives(driver: Driver) -> None:
    driver.log_in()
    driver.receive(chat("lunch?"))
    (arrived,) = driver.take(s.ChatArrived)
    assert arrived.chat.text == "lunch?"
    assert arrived.chat.sender == "ada"


def test_an_echo_of_our_own_message_is_no_news(driver: Driver) -> None:
    driver.log_in()
    driver.receive(chat("lunch?", sender=("me-1", "me")))
    assert driver.take(s.ChatArrived) == []


def test_chat_before_the_login_is_ignored(driver: Driver) -> None:
    driver.connect()
    driver.receive(chat(), login())
    assert driver.take(s.ChatArrived) == []


def test_presence_follows_those_who_come_and_go(driver: Driver) -> None:
    driver.log_in()
    driver.receive(presence("bob-1", "bob"), presence("bob-1", "bob", "disconnected"))
    changes = driver.take(s.UserChanged)
    assert [(change.user.nickname, change.online) for change in changes] == [("bob", True), ("bob", False)]
    driver.do(send("c1", ("bob-1", "bob")))
    assert "bob is not online" in driver.take(s.ChatFailed)[0].reason


def test_an_answer_that_comes_after_the_message_was_abandoned_is_none_of_the_next_ones(driver: Driver) -> None:
    driver.log_in()
    driver.do(send("c1"))
    driver.do(lambda session, now: session.abandon("removed"))
    driver.do(send("c2"))
    driver.receive(users())
    assert [event.ref for event in driver.take(s.ChatFailed)] == ["c1"]


def test_a_text_that_cannot_be_sent_fails_and_the_next_one_goes(driver: Driver) -> None:
    driver.log_in()
    driver.do(send("c1", text="\ud800"))
    assert "Unicode" in driver.take(s.ChatFailed)[0].reason
    assert driver.do(send("c2")) == ["SendChatMessage", "GetOnlineUsers"]
