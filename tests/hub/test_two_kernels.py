"""Settings that one kernel changes while another one runs."""

import pytest
from waiting import until

from ipymultichat.hub import Hub
from ipymultichat.store import Retention

PROFILE = "shared"


@pytest.fixture
def kernels(monkeypatch):
    monkeypatch.setattr("ipymultichat.store.watch.LOOK", 0.02)
    made = [Hub(PROFILE, io="thread") for _ in range(2)]
    yield made
    for hub in made:
        hub.close()


async def test_a_server_added_in_one_is_connected_in_the_other(kernels, work):
    here, there = kernels
    here.set_token("tok")
    there.start()
    here.add_server({"url": work.url, "name": "Work"})
    await until(lambda: there.counts()["connected_count"] == 1)
    here.update_server("Work", name="Office")
    await until(lambda: [config.label for config in there.servers] == ["Office"])
    here.remove_server("Office")
    await until(lambda: there.servers == () and there.statuses == {})


async def test_nickname_preferences_and_retention_follow(kernels):
    here, there = kernels
    here.set_nickname("grace")
    here.change_preferences({"prefix": "Hello."})
    here.set_retention(Retention(days=30))
    await until(lambda: there.nickname == "grace")
    await until(lambda: there.preferences.prefix == "Hello." and there.retention.days == 30)


async def test_a_file_that_is_half_written_changes_nothing_and_is_left_alone(kernels, tmp_path):
    here, there = kernels
    here.set_nickname("grace")
    await until(lambda: there.nickname == "grace")
    path = here._setup.path
    path.write_text('{"nickname": "al')
    await until(lambda: any("cannot be read" in notice.text for notice in there.notices))
    assert (there.nickname, path.read_text()) == ("grace", '{"nickname": "al')
    path.write_text('{"nickname": "alan"}')
    await until(lambda: there.nickname == "alan")


async def test_what_a_cell_gave_is_not_changed_by_another_kernel(kernels, work):
    here, _ = kernels
    own = Hub(PROFILE, servers=[work.url], nickname="mine", io="thread")
    here.set_nickname("grace")
    here.add_server("ws://elsewhere.example:1")
    here.change_preferences({"suffix": "Bye."})
    await until(lambda: own.preferences.suffix == "Bye.")
    assert (own.nickname, [config.url for config in own.servers]) == ("mine", [work.url])
    own.close()
