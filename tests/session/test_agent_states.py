from frames import Driver, agent_state, ask, login, notice

from ipymultichat.model import AgentState
from ipymultichat.session import events as s


def test_what_a_server_says_of_agents_is_passed_on_also_of_requests_that_wait_no_longer(driver: Driver) -> None:
    driver.log_in(ask("q1"))
    driver.receive(agent_state("away", "q1"), agent_state("kept", "answered-yesterday"))
    assert driver.take() == [
        s.AgentChanged(AgentState.AWAY, ("q1",)),
        s.AgentChanged(AgentState.KEPT, ("answered-yesterday",)),
    ]


def test_a_server_may_say_something_of_itself_and_take_it_back(driver: Driver) -> None:
    driver.log_in()
    driver.receive(notice("the database is away"), notice(""))
    assert driver.take() == [s.ServerNotice("the database is away"), s.ServerNotice("")]


def test_before_the_login_nothing_of_that_is_believed(driver: Driver) -> None:
    driver.connect()
    driver.receive(notice("hello"), agent_state("away", "q1"))
    assert driver.take() == []
    driver.receive(login(success=False), notice("hello"))
    assert driver.take(s.ServerNotice) == []


def test_a_state_that_this_version_does_not_know_is_ignored_and_counted(driver: Driver) -> None:
    driver.log_in(ask("q1"))
    driver.receive(agent_state("asleep", "q1"))
    assert driver.take() == [s.Trouble("ignored the unknown command 'RequestState asleep'")]
    assert driver.session.ignored == 1
