from ipymultichat.session import Backoff


def test_delays_double_up_to_the_cap() -> None:
    backoff = Backoff()
    assert [backoff.next_delay() for _ in range(11)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_a_thousand_failures_do_not_overflow() -> None:
    backoff = Backoff()
    assert [backoff.next_delay() for _ in range(2000)][-1] == 300


def test_a_reset_starts_over() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.next_delay()
    backoff.reset()
    assert backoff.next_delay() == 1


def test_a_refused_login_is_retried_slowly_from_the_start() -> None:
    assert Backoff().next_delay(refused=True) == 60


def test_jitter_spreads_delays_but_never_makes_a_hot_loop() -> None:
    low, high = Backoff(random=lambda: 0.0), Backoff(random=lambda: 0.999)
    assert all(low.next_delay() == 0.5 for _ in range(20))
    assert [round(high.next_delay()) for _ in range(4)] == [1, 2, 4, 8]
