import json
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
    store.save_servers((WORK,))
    store.save_token(Secret("tok"))
    store.save_nickname("ada")
    loaded = ConfigStore("default").load()
    assert (loaded.servers, loaded.token, loaded.nickname) == ((WORK,), Secret("tok"), "ada")


def test_the_file_has_the_documented_form_and_is_for_its_owner_only():
    ConfigStore("default").save_servers((WORK,))
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


def test_two_kernels_writing_at_once_lose_nothing():
    def write(number):
        ConfigStore("default").save_nickname(f"n{number}") if number % 2 else ConfigStore("default").save_servers(
            (WORK,)
        )

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loaded = ConfigStore("default").load()
    assert loaded.servers == (WORK,)
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
