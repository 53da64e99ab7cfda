import pytest
from frames import Action, Driver, answered, ask, cancelled, login, pending, question, report, seen, users, validity

from ipymultichat.model import Content, TextContent
from ipymultichat.session import events as s

YES = (TextContent("yes"),)
GRACE = 0.06


def reply(request_id: str = "q1", contents: tuple[Content, ...] = YES) -> Action:
    return lambda session, now: session.reply(request_id, contents, seen(request_id), now)


@pytest.fixture
def asked(driver: Driver) -> Driver:
    driver.log_in(ask("q1"), ask("q2"), report("r1"))
    return driver


def test_a_reply_is_verified_when_the_request_waits_before_it_and_not_after_it(asked: Driver) -> None:
    assert asked.do(reply()) == ["CheckMessageValidity"]
    assert asked.receive(validity(q1=True)) == ["AskQuestionReply", "CheckMessageValidity"]
    assert asked.take() == []
    asked.receive(validity(q1=False))
    asked.wait(GRACE)
    assert asked.take() == [s.ReplyVerified("q1", YES)]


def test_a_reply_carries_the_request_back_and_a_response(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True))
    sent = asked.sent[-2]
    assert sent.AskQuestionRequest == ask("q1")
    assert sent.AskQuestionResponse.ID == "q1"
    assert sent.AskQuestionResponse.contents[0].text.text == "yes"


def test_a_report_is_answered_with_its_own_command(asked: Driver) -> None:
    asked.do(reply("r1"))
    assert asked.receive(validity(r1=True)) == ["WorkReportReply", "CheckMessageValidity"]
    assert asked.sent[-2].WorkReportRequest == report("r1")
    assert asked.sent[-2].WorkReportResponse.contents[0].text.text == "yes"


def test_a_lost_reply_is_sent_again_after_a_pause_until_it_is_taken(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True))
    for _ in range(3):
        asked.receive(validity(q1=True))
        assert asked.wait(0.15) == ["CheckMessageValidity"]
        asked.receive(validity(q1=True))
        assert asked.wait(5) == ["AskQuestionReply", "CheckMessageValidity"]
    asked.receive(validity(q1=False))
    asked.wait(GRACE)
    assert asked.take() == [s.ReplyVerified("q1", YES)]


def test_a_server_slow_to_drop_the_id_does_not_get_the_reply_twice(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True), validity(q1=True))
    assert asked.wait(0.15) == ["CheckMessageValidity"]
    asked.receive(validity(q1=False))
    asked.wait(GRACE)
    assert asked.take() == [s.ReplyVerified("q1", YES)]
    assert [message.Cmd for message in asked.sent].count("AskQuestionReply") == 1


def test_one_reply_is_in_flight_and_the_next_waits_for_its_proof(asked: Driver) -> None:
    asked.do(reply("q1"))
    assert asked.do(reply("q2")) == []
    asked.receive(validity(q1=True))
    assert asked.receive(validity(q1=False)) == ["CheckMessageValidity"]
    assert asked.sent[-1].CheckMessageValidityRequest.request_ids == ["q2"]


def test_a_reply_to_a_request_that_ended_unnoticed_fails_and_is_not_sent(asked: Driver) -> None:
    asked.do(reply())
    assert asked.receive(validity(q1=False)) == []
    (failed,) = asked.take(s.ReplyFailed)
    assert failed.gone
    assert failed.contents == YES


def test_an_answer_from_elsewhere_while_ours_is_in_flight_never_counts_as_ours(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True))
    asked.receive(answered("q1", "bob"), validity(q1=False))
    (failed,) = asked.take(s.ReplyFailed)
    assert isinstance(failed, s.ReplyFailed)
    assert "bob" in failed.reason
    assert failed.rival.contents == (TextContent("no"),)
    # It may have come too late: both answers went out, and servers tell of either.
    assert failed.undecided
    assert failed.reason == "answered at the same moment by you and bob; which answer the agent got cannot be known"


def test_an_answer_from_elsewhere_that_the_server_says_it_took_was_before_ours(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True))
    asked.receive(answered("q1", "bob", taken=True), validity(q1=False))
    (failed,) = asked.take(s.ReplyFailed)
    assert (failed.reason, failed.undecided) == ("bob answered before", False)


def test_an_answer_from_elsewhere_before_ours_left_was_before_ours(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(answered("q1", "bob"), validity(q1=False))
    (failed,) = asked.take(s.ReplyFailed)
    assert (failed.reason, failed.undecided) == ("bob answered before", False)


def test_a_broadcast_answer_that_was_lost_on_the_server_does_not_stop_ours(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True), answered("q1", "bob"), validity(q1=True))
    asked.wait(0.15)
    asked.receive(validity(q1=True))
    asked.wait(5)
    asked.receive(validity(q1=False))
    asked.wait(GRACE)
    assert asked.take() == [s.ReplyVerified("q1", YES)]


def test_a_withdrawn_request_fails_the_reply_on_its_way(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True), cancelled("q1"))
    (failed,) = asked.take()
    assert failed.withdrawn == "Request was cancelled"
    asked.receive(validity(q1=False))
    assert asked.take() == []


def test_an_answer_to_an_earlier_check_proves_nothing(asked: Driver) -> None:
    asked.do(lambda session, now: session.verify("q1", now))
    asked.do(reply())
    asked.receive(validity(q1=False))
    assert asked.take(s.ReplyVerified) == []


def test_a_reply_interrupted_before_it_left_goes_out_on_the_next_connection(asked: Driver) -> None:
    asked.do(reply())
    asked.drop()
    asked.connect()
    assert "CheckMessageValidity" in asked.receive(login(), pending(ask("q1")), users())
    asked.receive(validity(q1=True))
    asked.wait(0.15)
    asked.receive(validity(q1=True), validity(q1=False))
    asked.wait(GRACE)
    assert asked.take(s.ReplyVerified) == [s.ReplyVerified("q1", YES)]


def test_a_reply_sent_before_the_connection_broke_is_sent_again_while_the_request_waits(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True))
    asked.drop()
    asked.connect()
    asked.receive(login(), pending(ask("q1")), users(), validity(q1=True))
    asked.wait(0.15)
    assert asked.receive(validity(q1=True)) == ["AskQuestionReply", "CheckMessageValidity"]
    asked.receive(validity(q1=False))
    asked.wait(GRACE)
    assert len(asked.take(s.ReplyVerified)) == 1


def test_a_reply_whose_outcome_was_lost_with_the_connection_is_reported_as_unknown(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True))
    asked.drop()
    asked.connect()
    asked.receive(login(), pending(), users(), validity(q1=False))
    (failed,) = asked.take(s.ReplyFailed)
    assert "cannot be known" in failed.reason
    assert asked.take(s.ReplyVerified) == []


def test_a_server_that_never_takes_the_reply_ends_in_a_failure_that_can_be_retried(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True))
    for _ in range(40):
        asked.receive(validity(q1=True))
        asked.wait(6)
    (failed,) = asked.take(s.ReplyFailed)
    assert not failed.gone
    assert asked.do(reply()) == ["CheckMessageValidity"]


def test_to_a_server_that_answers_no_check_the_reply_is_sent_and_said_to_be_without_proof(asked: Driver) -> None:
    asked.do(reply())
    asked.wait(31)
    assert asked.sent[-2].Cmd == "AskQuestionReply"
    asked.wait(10)
    (failed,) = asked.take(s.ReplyFailed)
    assert "was sent, but the server does not answer whether it arrived" in failed.reason
    assert not failed.gone
    # The next one need not wait for what is known by now.
    assert asked.do(reply()) == ["AskQuestionReply", "CheckMessageValidity"]


def test_a_server_that_answers_a_check_after_all_has_to_prove_what_arrives(asked: Driver) -> None:
    asked.do(reply())
    asked.wait(31)
    # Three answers that come too late, and one to the check behind the reply.
    asked.receive(*[validity(q1=True)] * 3, validity(q1=False))
    asked.wait(GRACE)
    assert asked.take(s.ReplyVerified) == [s.ReplyVerified("q1", YES)]
    asked.receive(question("q2"))
    assert asked.do(reply("q2")) == ["CheckMessageValidity"]


def test_a_reply_to_an_unknown_request_fails_at_once(asked: Driver) -> None:
    asked.do(reply("nothing"))
    assert asked.take(s.ReplyFailed)[0].gone


def test_abandoning_fails_everything_on_its_way_and_sends_nothing(asked: Driver) -> None:
    asked.do(reply("q1"))
    asked.do(reply("q2"))
    assert asked.do(lambda session, now: session.abandon("removed")) == []
    assert [failed.reason for failed in asked.take(s.ReplyFailed)] == ["removed", "removed"]


def test_an_answer_from_elsewhere_is_shown_at_once_and_checked_later(asked: Driver) -> None:
    asked.receive(answered("q1", "bob"))
    assert len(asked.take(s.AnsweredElsewhere)) == 1
    assert asked.wait(1) == ["CheckMessageValidity"]
    asked.receive(validity(q1=False))
    assert asked.take() == [s.Gone("q1")]


def test_an_answer_from_elsewhere_that_was_lost_brings_the_request_back(asked: Driver) -> None:
    asked.receive(answered("q1", "bob"))
    asked.wait(1)
    asked.receive(validity(q1=True))
    assert [event.request.request_id for event in asked.take(s.StillPending)] == ["q1"]


@pytest.mark.parametrize("leak", [answered("foreign"), cancelled("foreign")])
def test_news_of_requests_we_do_not_hold_is_ignored(asked: Driver, leak: bytes) -> None:
    asked.receive(leak)
    assert asked.take() == []


def test_a_question_that_comes_in_after_its_cancellation_is_new(asked: Driver) -> None:
    asked.receive(cancelled("q1"))
    assert asked.take() == [s.Withdrawn("q1", "Request was cancelled")]
    asked.receive(question("q1"))
    assert len(asked.take(s.RequestArrived)) == 1


def test_a_request_that_still_seems_to_wait_after_somebody_elses_answer_is_not_ours_when_it_is_gone(
    asked: Driver,
) -> None:
    """A server lists an answered request a moment longer: that must not wipe out who answered it."""
    asked.do(reply())
    asked.receive(answered("q1", "bob"), validity(q1=True))
    assert [message.Cmd for message in asked.sent].count("AskQuestionReply") == 0
    asked.wait(0.15)
    asked.receive(validity(q1=False))
    (failed,) = asked.take(s.ReplyFailed)
    assert failed.rival.nickname == "bob"


def test_a_request_that_seems_to_wait_right_after_a_login_is_asked_for_once_more(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True))
    asked.drop()
    asked.connect()
    asked.receive(login(), pending(ask("q1")), users(), validity(q1=True))
    assert asked.wait(0.15) == ["CheckMessageValidity"]
    asked.receive(validity(q1=False))
    (failed,) = asked.take(s.ReplyFailed)
    assert "cannot be known" in failed.reason


def test_another_try_does_not_take_the_first_ones_arrival_for_its_own(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True))
    asked.do(lambda session, now: session.give_up("q1", "enough", now))
    assert "may have arrived" in asked.take(s.ReplyFailed)[0].reason
    asked.do(reply(contents=(TextContent("second thoughts"),)))
    asked.receive(validity(q1=True), validity(q1=True))
    assert [message.Cmd for message in asked.sent].count("AskQuestionReply") == 1
    asked.wait(0.15)
    asked.receive(validity(q1=False))
    assert asked.take(s.ReplyVerified) == []


def test_news_of_somebody_elses_answer_that_comes_a_little_late_still_counts(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True), validity(q1=False), answered("q1", "bob"))
    asked.wait(GRACE)
    (failed,) = asked.take(s.ReplyFailed)
    assert "bob" in failed.reason


def test_the_next_reply_does_not_wait_for_late_news(asked: Driver) -> None:
    asked.do(reply("q1"))
    asked.do(reply("q2"))
    asked.receive(validity(q1=True))
    assert asked.receive(validity(q1=False)) == ["CheckMessageValidity"]
    assert asked.take(s.ReplyVerified) == []


def test_an_answer_that_came_in_during_the_pause_before_the_next_send_is_looked_into_first(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True), validity(q1=True))
    asked.wait(0.15)
    asked.receive(validity(q1=True))  # lost: a pause, then once more
    asked.receive(answered("q1", "bob"))
    assert asked.wait(0.3) == ["CheckMessageValidity"]


def test_an_empty_or_foreign_answer_to_a_check_proves_nothing(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True))
    asked.receive(validity(), validity(foreign=False))
    asked.wait(GRACE)
    assert asked.take(s.ReplyVerified) == []
    asked.receive(validity(q1=False))
    asked.wait(GRACE)
    assert len(asked.take(s.ReplyVerified)) == 1


def test_a_check_that_the_server_passes_over_does_not_hold_the_queue_up(asked: Driver) -> None:
    asked.do(reply("q1"))
    asked.do(lambda session, now: session.verify("q2", now))
    asked.receive(validity(q2=True))
    assert [message.Cmd for message in asked.sent[-1:]] == ["CheckMessageValidity"]
    asked.receive(validity(q1=True), validity(q1=False))
    asked.wait(GRACE)
    assert len(asked.take(s.ReplyVerified)) == 1


def test_an_overdue_check_is_reported_so_that_the_connection_is_looked_at(asked: Driver) -> None:
    asked.do(reply())
    asked.wait(11)
    assert s.Overdue() in asked.take()


def test_a_large_reply_gets_longer_to_arrive(asked: Driver) -> None:
    asked.do(reply(contents=(TextContent("x" * 4_000_000),)))
    asked.receive(validity(q1=True))
    asked.wait(60)
    assert asked.take(s.Overdue) == []
    asked.receive(validity(q1=False))
    asked.wait(GRACE)
    assert len(asked.take(s.ReplyVerified)) == 1


def test_what_was_listed_after_a_login_is_checked_once_more_a_moment_later(driver: Driver) -> None:
    driver.connect()
    driver.receive(login(), pending(ask("q1"), ask("q2")), users())
    driver.take()
    assert driver.wait(1) == ["CheckMessageValidity"]
    driver.receive(validity(q1=False, q2=True))
    assert driver.take() == [s.Gone("q1")]


def test_a_reply_given_up_makes_way_for_the_next(asked: Driver) -> None:
    asked.do(reply("q1"))
    asked.do(reply("q2"))
    assert asked.do(lambda session, now: session.give_up("q1", "enough", now)) == ["CheckMessageValidity"]
    (failed,) = asked.take(s.ReplyFailed)
    assert (failed.request_id, failed.reason) == ("q1", "enough")


def test_a_connection_that_breaks_right_after_news_of_somebody_elses_answer_names_them(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True), validity(q1=False), answered("q1", "bob"))
    asked.drop()
    (failed,) = asked.take(s.ReplyFailed)
    assert failed.rival.nickname == "bob"


def test_a_connection_that_breaks_before_the_proof_is_whole_proves_nothing(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True), validity(q1=False))
    asked.drop()
    (failed,) = asked.take(s.ReplyFailed)
    assert "cannot be known" in failed.reason


def test_a_reply_given_just_before_the_news_of_somebody_elses_is_not_taken_for_the_one_that_counted(
    asked: Driver,
) -> None:
    asked.receive(answered("q1", "bob"))  # the person has pressed the button by now, but it is the session's next event
    asked.do(reply())
    assert asked.receive(validity(q1=True)) == []  # listed for a moment longer
    asked.wait(0.15)
    asked.receive(validity(q1=False))
    (failed,) = asked.take(s.ReplyFailed)
    assert failed.gone


def test_a_check_of_what_was_listed_that_is_not_answered_is_asked_again(driver: Driver) -> None:
    driver.connect()
    driver.receive(login(), pending(ask("q1")), users())
    driver.take()
    driver.wait(11)
    driver.receive(validity(q1=True), validity(q1=False))  # the first is the late one
    assert driver.take(s.Gone) == [s.Gone("q1")]


def test_a_check_of_somebody_elses_answer_that_is_not_answered_is_asked_again(asked: Driver) -> None:
    asked.receive(answered("q1", "bob"))
    asked.wait(11)
    asked.receive(validity(q1=True), validity(q1=True))
    assert [event.request.request_id for event in asked.take(s.StillPending)] == ["q1"]


def test_a_server_that_answers_no_check_is_not_asked_for_ever(asked: Driver) -> None:
    asked.receive(answered("q1", "bob"))
    assert asked.wait(1000).count("CheckMessageValidity") == 3


def test_a_reply_given_before_the_first_list_waits_for_it(driver: Driver) -> None:
    driver.connect()
    driver.do(reply())
    driver.receive(login())
    assert driver.take(s.ReplyFailed) == []
    driver.receive(pending(ask("q1")), users(), validity(q1=True))
    driver.wait(0.2)
    assert "AskQuestionReply" in driver.receive(validity(q1=True))
    driver.receive(validity(q1=False))
    driver.wait(1)
    assert len(driver.take(s.ReplyVerified)) == 1


def test_a_reply_given_before_the_first_list_ends_with_its_agents_time(driver: Driver) -> None:
    driver.do(reply())
    driver.do(lambda session, now: session.give_up("q1", "too late", now))
    assert [failed.reason for failed in driver.take(s.ReplyFailed)] == ["too late"]


def test_a_reply_given_before_a_list_that_does_not_name_its_request_fails(driver: Driver) -> None:
    driver.connect()
    driver.do(reply())
    driver.receive(login(), pending(), users())
    assert driver.take(s.ReplyFailed)[0].gone


def test_a_reply_given_before_the_first_list_is_not_forgotten_when_the_server_leaves(driver: Driver) -> None:
    driver.do(reply())
    driver.do(lambda session, now: session.abandon("removed"))
    assert [failed.reason for failed in driver.take(s.ReplyFailed)] == ["removed"]


OTHER = ask("q1", "Delete the PRODUCTION database?")


def test_an_answer_on_its_way_is_never_sent_to_what_the_agent_asks_next_under_the_same_id(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(question("q1", "Delete the PRODUCTION database?"))
    failed, arrived = asked.take()
    assert isinstance(failed, s.ReplyFailed)
    assert (failed.gone, "something else under the same id" in failed.reason) == (True, True)
    assert isinstance(arrived, s.RequestArrived)
    assert asked.receive(validity(q1=True)) == []  # to the check of the answer that is no longer on its way
    assert "AskQuestionReply" not in [message.Cmd for message in asked.sent]


def test_an_answer_that_was_sent_already_says_that_it_may_have_arrived_when_the_id_is_used_again(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True))
    asked.receive(question("q1", "Delete the PRODUCTION database?"))
    assert "may have arrived" in asked.take()[0].reason
    asked.receive(validity(q1=True))
    asked.wait(60)
    assert [message.Cmd for message in asked.sent].count("AskQuestionReply") == 1


def test_an_answer_queued_over_a_lost_connection_does_not_go_to_another_question_in_the_next_list(
    asked: Driver,
) -> None:
    asked.drop()
    asked.do(reply())
    asked.connect()
    asked.receive(login(), pending(OTHER), users())
    assert asked.take(s.ReplyFailed)[0].gone
    asked.wait(60)
    assert "AskQuestionReply" not in [message.Cmd for message in asked.sent]


def test_an_answer_given_before_the_first_list_does_not_go_to_another_question_in_it(driver: Driver) -> None:
    driver.do(reply())
    driver.connect()
    driver.receive(login(), pending(OTHER), users())
    assert driver.take(s.ReplyFailed)[0].gone
    driver.wait(60)
    assert "AskQuestionReply" not in [message.Cmd for message in driver.sent]


def take_back(request_id: str) -> Action:
    return lambda session, now: session.take_back(request_id, now)


def test_a_reply_of_which_nothing_was_sent_is_taken_back_and_the_next_goes_on(asked: Driver) -> None:
    asked.do(reply("q1"))
    asked.do(reply("q2"))
    assert asked.do(take_back("q1")) == ["CheckMessageValidity"]
    assert asked.take() == [s.ReplyTakenBack("q1")]
    assert asked.sent[-1].CheckMessageValidityRequest.request_ids == ["q2"]
    assert asked.receive(validity(q1=True)) == []
    assert asked.receive(validity(q2=True)) == ["AskQuestionReply", "CheckMessageValidity"]


def test_a_reply_that_was_sent_is_not_taken_back(asked: Driver) -> None:
    asked.do(reply())
    asked.receive(validity(q1=True))
    assert asked.do(take_back("q1")) == []
    asked.receive(validity(q1=False))
    asked.wait(GRACE)
    assert asked.take() == [s.ReplyVerified("q1", YES)]


def test_a_reply_given_before_the_server_listed_anything_is_taken_back(driver: Driver) -> None:
    driver.do(reply())
    driver.do(take_back("q1"))
    assert driver.take() == [s.ReplyTakenBack("q1")]
    driver.log_in(ask("q1"))
    assert driver.take(s.ReplyFailed) == []
    driver.receive(validity(q1=True))
    assert "AskQuestionReply" not in [message.Cmd for message in driver.sent]
