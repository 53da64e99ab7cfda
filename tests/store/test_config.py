import json
import os
import stat
import threading

import pytest

from ipymultichat.errors import ConfigError, StoreError
from ipymultichat.model import Secret, ServerConfig
from ipymultichat.store import ConfigStore, config_path

WORK = ServerConfig(id="w", name="Work", url="ws://work:2000")


@pytest.fixture
def path():
    found = config_path("default")
    found.parent.mkdir(parents=True)
    return found


def test_what_was_saved_is_loaded():
    store = ConfigStore("default")
    store.save_servers((), (WORK,))
    store.save_token(Secret("tok"))
    store.save_nickname("ada")
    loaded = ConfigStore("default").load()
    assert (loaded.servers, loaded.token, loaded.nickname) == ((WORK,), Secret("tok"), "ada")


def test_the_file_has_the_documented_form_and_is_for_its_owner_only():
    ConfigStore("default").save_servers((), (WORK,))
    path = config_path("default")
    assert json.loads(path.read_text()) == {
        "server_configs": [{"id": "w", "name": "Work", "url": "ws://work:2000/ws", "isEnabled": True}]
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_missing_file_is_an_empty_profile():
    assert ConfigStore("default").load().servers == ()


def test_keys_it_does_not_know_are_kept(path):
    path.write_text(json.dumps({"theme": "dark", "server_url": "ws://old"}))
    ConfigStore("default").save_nickname("ada")
    assert json.loads(path.read_text()) == {"theme": "dark", "server_url": "ws://old", "nickname": "ada"}


def test_a_legacy_address_becomes_a_list_of_one(path):
    path.write_text(json.dumps({"server_url": "ws://old:2000/ws"}))
    (server,) = ConfigStore("default").load().servers
    assert (server.url, server.enabled) == ("ws://old:2000/ws", True)


def test_a_bad_entry_is_left_out_and_the_others_stay(path):
    entries = [{"url": "http://x"}, 7, {"id": "w", "name": "Work", "url": "ws://work:2000", "isEnabled": True}]
    path.write_text(json.dumps({"server_configs": entries}))
    assert ConfigStore("default").load().servers == (WORK,)


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "\x00"])
def test_a_corrupt_file_is_set_aside_and_never_overwritten(path, text):
    path.write_text(text)
    with pytest.raises(StoreError, match="now stand in"):
        ConfigStore("default").load()
    (aside,) = path.parent.glob("default.corrupt-*")
    assert aside.read_text() == text
    assert ConfigStore("default").load().servers == ()


def test_saving_over_a_corrupt_file_sets_it_aside_and_loses_nothing_new(path):
    path.write_text("{")
    ConfigStore("default").save_nickname("ada")
    assert ConfigStore("default").load().nickname == "ada"
    assert len(list(path.parent.glob("default.corrupt-*"))) == 1


def test_a_server_added_by_another_kernel_stays_when_this_one_saves(path):
    home = ServerConfig(id="h", name="Home", url="ws://home:2000")
    ConfigStore("default").save_servers((), (WORK,))
    ConfigStore("default").save_servers((), (home,))
    ConfigStore("default").save_servers((WORK,), ())
    assert ConfigStore("default").load().servers == (home,)


def test_an_entry_keeps_what_another_program_put_into_it_and_a_bad_one_stays(path):
    entries = [
        {"id": "w", "name": "Work", "url": "ws://work:2000/ws", "isEnabled": True, "colour": "red"},
        {"url": "?"},
    ]
    path.write_text(json.dumps({"server_configs": entries}))
    renamed = ServerConfig(id="w", name="Office", url="ws://work:2000")
    ConfigStore("default").save_servers((WORK,), (renamed,))
    assert json.loads(path.read_text())["server_configs"] == [{**entries[0], "name": "Office"}, {"url": "?"}]


def test_a_legacy_address_can_be_changed_and_becomes_part_of_the_list(path):
    path.write_text(json.dumps({"server_url": "ws://old:2000/ws"}))
    before = ConfigStore("default").load().servers
    after = (ServerConfig(id=before[0].id, name="Old", url=before[0].url),)
    ConfigStore("default").save_servers(before, after)
    assert ConfigStore("default").load().servers == after
    assert json.loads(path.read_text())["server_url"] == "ws://old:2000/ws"


def test_an_address_that_stands_in_the_file_twice_is_read_once(path):
    entries = [{"id": "a", "url": "ws://h"}, {"id": "b", "url": "ws://h/ws"}]
    path.write_text(json.dumps({"server_configs": entries}))
    assert [server.id for server in ConfigStore("default").load().servers] == ["a"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_not_overwritten(path):
    path.write_text('{"nickname": "ada"}')
    path.chmod(0)
    with pytest.raises(StoreError, match="cannot be read"):
        ConfigStore("default").save_nickname("bob")
    path.chmod(0o600)
    assert ConfigStore("default").load().nickname == "ada"


def test_kernels_writing_at_once_lose_nothing():
    def write(number):
        store = ConfigStore("default")
        store.save_servers((), (ServerConfig(id=f"{number}", name="", url=f"ws://h:{number + 1}"),))
        store.save_nickname(f"n{number}")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loaded = ConfigStore("default").load()
    assert {server.id for server in loaded.servers} == {f"{number}" for number in range(20)}
    assert loaded.nickname.startswith("n")


def test_the_memory_profile_touches_no_disk(tmp_path):
    store = ConfigStore(":memory:")
    store.save_token(Secret("tok"))
    assert store.load().token is None
    assert not (tmp_path / "config").exists()


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 65])
def test_a_profile_that_cannot_be_a_file_name_is_refused(name):
    with pytest.raises(ConfigError):
        config_path(name)


def test_a_folder_that_cannot_be_written_is_named_in_the_error(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MULTICHAT_CONFIG_DIR", str(tmp_path / "file"))
    with pytest.raises(StoreError, match="cannot be saved"):
        ConfigStore("default").save_nickname("ada")
