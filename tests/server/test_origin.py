import pytest

from ipymultichat.server.origin import origin_allowed


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "127.0.0.1:2000"),
        ("http://localhost:8888", "127.0.0.1:2000"),
        ("http://lab.localhost:8888", "127.0.0.1:2000"),
        ("http://127.0.0.1:8888", "127.0.0.1:2000"),
        ("http://[::1]:8888", "[::1]:2000"),
        ("http://10.1.2.3:8888", "10.1.2.3:2000"),
    ],
)
def test_programs_and_pages_of_this_machine_may_connect(origin: str | None, host: str | None) -> None:
    assert origin_allowed(origin, host, ())


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://evil.example", "127.0.0.1:2000"),
        ("http://evil.example:2000", "evil.example:2000"),  # a name pointed at this machine after the page was loaded
        ("http://10.1.2.4", "10.1.2.3:2000"),
        ("http://localhost.evil.example", "localhost:2000"),
        ("null", "127.0.0.1:2000"),
        ("", "127.0.0.1:2000"),
        ("http://[oops", "127.0.0.1:2000"),
        ("http://10.1.2.3", None),
    ],
)
def test_pages_from_elsewhere_may_not(origin: str | None, host: str | None) -> None:
    assert not origin_allowed(origin, host, ())


def test_more_origins_can_be_allowed() -> None:
    assert origin_allowed("https://team.example", "x", ("https://Team.example/",))
    assert not origin_allowed("https://team.example:8443", "x", ("https://team.example",))
    assert origin_allowed("null", "x", ("*",))
