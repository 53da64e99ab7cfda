from __future__ import annotations

import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from ipymultichat.errors import ConfigError
from ipymultichat.model import Secret, ServerConfig, Settings
from ipymultichat.store import ConfigFile, config_path, read_server_file

WORK = ServerConfig(id="w", name="Work", url="ws://work:2000")


class Profile:
    """The file of a profile as one kernel has it."""

    def __init__(self, name: str = "default") -> None:
        self.troubles: list[str] = []
        self.news: list[Settings] = []
        self.file = ConfigFile(name, changed=lambda now: self.news.append(now()), trouble=self.troubles.append)
        self.now = self.file.load()

    def save(self, **values: object) -> None:
        """Change settings and wait until they are written."""
        for name, value in values.items():
            before, self.now = self.now, self.now.changed({name: value})
            self.file.save(name, before, self.now)
        assert self.file.flush(5)

    def close(self) -> None:
        self.file.close()


@pytest.fixture
def open_profile() -> Iterator[Callable[..., Profile]]:
    made: list[Profile] = []

    def make(name: str = "default") -> Profile:
        made.append(Profile(name))
        return made[-1]

    yield make
    for profile in made:
        profile.close()


@pytest.fixture
def path() -> Any:
    found = config_path("default")
    found.parent.mkdir(parents=True)
    return found


def test_what_was_saved_is_loaded(open_profile: Any) -> None:
    open_profile().save(servers=(WORK,), token=Secret("tok"), nickname="ada")
    loaded = open_profile().now
    assert (loaded.servers, loaded.token, loaded.nickname) == ((WORK,), Secret("tok"), "ada")


def test_the_file_has_the_documented_form_and_is_for_its_owner_only(open_profile: Any) -> None:
    open_profile().save(servers=(WORK,))
    path = config_path("default")
    assert json.loads(path.read_text()) == {
        "server_configs": [{"id": "w", "name": "Work", "url": "ws://work:2000/ws", "isEnabled": True}]
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_missing_file_is_an_empty_profile(open_profile: Any) -> None:
    assert open_profile().now == Settings()


def test_keys_it_does_not_know_are_kept(path: Any, open_profile: Any) -> None:
    path.write_text(json.dumps({"theme": "dark", "server_url": "ws://old"}))
    open_profile().save(nickname="ada")
    assert json.loads(path.read_text()) == {"theme": "dark", "server_url": "ws://old", "nickname": "ada"}


def test_a_legacy_address_becomes_a_list_of_one(path: Any, open_profile: Any) -> None:
    path.write_text(json.dumps({"server_url": "ws://old:2000/ws"}))
    (server,) = open_profile().now.servers
    assert (server.url, server.enabled) == ("ws://old:2000/ws", True)


def test_a_bad_entry_is_left_out_and_the_others_stay(path: Any, open_profile: Any) -> None:
    entries = [{"url": "http://x"}, 7, {"id": "w", "name": "Work", "url": "ws://work:2000", "isEnabled": True}]
    path.write_text(json.dumps({"server_configs": entries}))
    assert open_profile().now.servers == (WORK,)


@pytest.mark.parametrize("values", [{"token": "two\nlines"}, {"token": 5}, {"nickname": "\x07"}, {"settings": 3}])
def test_a_value_that_cannot_be_used_counts_as_not_there(path: Any, open_profile: Any, values: Any) -> None:
    path.write_text(json.dumps(values))
    assert open_profile().now == Settings()


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "\x00"])
def test_a_corrupt_file_is_set_aside_and_never_overwritten(path: Any, open_profile: Any, text: Any) -> None:
    path.write_text(text)
    assert "now stand in" in open_profile().troubles[0]
    (aside,) = path.parent.glob("default.corrupt-*")
    assert aside.read_text() == text
    assert open_profile().now == Settings()


def test_saving_over_a_corrupt_file_sets_it_aside_and_loses_nothing_new(path: Any, open_profile: Any) -> None:
    profile = open_profile()
    path.write_text("{")
    profile.save(nickname="ada")
    assert open_profile().now.nickname == "ada"
    assert len(list(path.parent.glob("default.corrupt-*"))) == 1


def test_a_server_added_by_another_kernel_stays_when_this_one_saves(open_profile: Any) -> None:
    home = ServerConfig(id="h", name="Home", url="ws://home:2000")
    here, there = open_profile(), open_profile()
    here.save(servers=(WORK,))
    there.save(servers=(home,))
    here.save(servers=())
    assert open_profile().now.servers == (home,)


def test_what_is_not_written_yet_is_not_undone_by_what_another_kernel_wrote(
    path: Any, open_profile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipymultichat.store.config.LOCK_SECONDS", 0.05)
    monkeypatch.setattr("ipymultichat.store.config.RETRY_SECONDS", 0.05)
    monkeypatch.setattr("ipymultichat.store.config.LOOK_SECONDS", 0.02)
    here = open_profile()
    with FileLock(f"{path}.lock"):
        before, here.now = here.now, here.now.changed({"nickname": "mine"})
        here.file.save("nickname", before, here.now)
        path.write_text(json.dumps({"settings": {"reply_prefix": "theirs"}}))
        assert not here.file.flush(0.3)
    assert here.file.flush(5)
    assert (here.news[-1].nickname, here.news[-1].preferences.prefix) == ("mine", "theirs")


def test_saving_returns_at_once_while_another_process_holds_the_file(
    path: Any, open_profile: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipymultichat.store.config.LOCK_SECONDS", 0.05)
    monkeypatch.setattr("ipymultichat.store.config.RETRY_SECONDS", 0.05)
    profile = open_profile()
    with FileLock(f"{path}.lock"):
        before, profile.now = profile.now, profile.now.changed({"nickname": "ada"})
        profile.file.save("nickname", before, profile.now)  # would wait for the lock if it touched the disk
        assert not path.exists()
        assert not profile.file.flush(0.3)
        assert ["locked by another kernel" in trouble for trouble in profile.troubles] == [True]
    assert profile.file.flush(5)
    assert open_profile().now.nickname == "ada"


def test_an_entry_keeps_what_another_program_put_into_it_and_a_bad_one_stays(path: Any, open_profile: Any) -> None:
    entries = [
        {"id": "w", "name": "Work", "url": "ws://work:2000/ws", "isEnabled": True, "colour": "red"},
        {"url": "?"},
    ]
    path.write_text(json.dumps({"server_configs": entries}))
    open_profile().save(servers=(ServerConfig(id="w", name="Office", url="ws://work:2000"),))
    first: Any = entries[0]
    assert json.loads(path.read_text())["server_configs"] == [{**first, "name": "Office"}, {"url": "?"}]


def test_a_legacy_address_can_be_changed_and_becomes_part_of_the_list(path: Any, open_profile: Any) -> None:
    path.write_text(json.dumps({"server_url": "ws://old:2000/ws"}))
    profile = open_profile()
    (old,) = profile.now.servers
    after = (ServerConfig(id=old.id, name="Old", url=old.url),)
    profile.save(servers=after)
    assert open_profile().now.servers == after
    assert json.loads(path.read_text())["server_url"] == "ws://old:2000/ws"


def test_an_address_that_stands_in_the_file_twice_is_read_once(path: Any, open_profile: Any) -> None:
    entries = [{"id": "a", "url": "ws://h"}, {"id": "b", "url": "ws://h/ws"}]
    path.write_text(json.dumps({"server_configs": entries}))
    assert [server.id for server in open_profile().now.servers] == ["a"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_not_overwritten(path: Any, open_profile: Any) -> None:
    path.write_text('{"nickname": "ada"}')
    path.chmod(0)
    profile = open_profile()
    assert "cannot be read" in profile.troubles[0]
    profile.file.close()
    path.chmod(0o600)
    assert open_profile().now.nickname == "ada"


def test_kernels_writing_at_once_lose_nothing(open_profile: Any) -> None:
    def write(number: Any) -> None:
        profile = open_profile()
        profile.save(
            servers=(*profile.now.servers, ServerConfig(id=f"{number}", name="", url=f"ws://h:{number + 1}")),
            nickname=f"n{number}",
        )

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    loaded = open_profile().now
    assert {server.id for server in loaded.servers} == {f"{number}" for number in range(20)}
    assert loaded.nickname.startswith("n")


def test_a_change_of_another_kernel_is_told(open_profile: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipymultichat.store.config.LOOK_SECONDS", 0.02)
    here, there = open_profile(), open_profile()
    there.save(nickname="grace")
    deadline = time.monotonic() + 5
    while not here.news and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert here.news[-1].nickname == "grace"


def test_the_memory_profile_touches_no_disk(tmp_path: Path, open_profile: Any) -> None:
    profile = open_profile(":memory:")
    profile.save(token=Secret("tok"))
    assert profile.now.token == Secret("tok")
    assert not (tmp_path / "config").exists()


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "x" * 65])
def test_a_profile_that_cannot_be_a_file_name_is_refused(name: Any) -> None:
    with pytest.raises(ConfigError):
        config_path(name)


def test_a_folder_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, open_profile: Any
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MULTICHAT_CONFIG_DIR", str(tmp_path / "file"))
    profile = open_profile()
    profile.file.save("nickname", profile.now, profile.now.changed({"nickname": "ada"}))
    profile.close()
    assert any("cannot be" in trouble and "default.json" in trouble for trouble in profile.troubles)


@pytest.mark.skipif(os.name != "posix", reason="needs rights of files")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620])
def test_a_file_with_a_token_that_others_can_read_is_closed_to_them_and_said(
    path: Any, open_profile: Any, mode: Any
) -> None:
    path.write_text(json.dumps({"token": "s3cret"}))
    path.chmod(mode)
    (trouble,) = open_profile().troubles
    assert trouble.endswith("hold a token, and others could read them; now only you can")
    assert "s3cret" not in trouble
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_profile().troubles == []


@pytest.mark.skipif(os.name != "posix", reason="needs rights of files")
def test_a_file_without_a_token_may_be_read_by_others(path: Any, open_profile: Any) -> None:
    path.write_text(json.dumps({"nickname": "ada"}))
    path.chmod(0o644)
    assert open_profile().troubles == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_symbolic_link_stays_one_and_its_target_is_written(path: Any, open_profile: Any, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles" / "chat.json"
    target.parent.mkdir()
    target.write_text(json.dumps({"theme": "dark"}))
    path.symlink_to(target)
    open_profile().save(nickname="ada")
    assert path.is_symlink()
    assert json.loads(target.read_text()) == {"theme": "dark", "nickname": "ada"}
    assert [found.name for found in target.parent.iterdir()] == ["chat.json"]


def test_a_corrupt_target_of_a_symbolic_link_is_set_aside_beside_it(
    path: Any, open_profile: Any, tmp_path: Path
) -> None:
    target = tmp_path / "dotfiles" / "chat.json"
    target.parent.mkdir()
    target.write_text("{")
    path.symlink_to(target)
    profile = open_profile()
    assert "now stand in chat.corrupt-" in profile.troubles[0]
    profile.save(nickname="ada")
    assert path.is_symlink()
    assert json.loads(target.read_text()) == {"nickname": "ada"}


def test_a_byte_order_mark_is_accepted(path: Any, open_profile: Any) -> None:
    path.write_text(json.dumps({"nickname": "ada"}), "utf-8-sig")
    profile = open_profile()
    assert (profile.now.nickname, profile.troubles) == ("ada", [])


@pytest.mark.parametrize("depth", [200, 10_000])
def test_json_that_is_nested_too_deeply_is_set_aside_like_any_other_bad_file(
    path: Any, open_profile: Any, depth: int
) -> None:
    text = '{"settings": ' + "[" * depth + "]" * depth + "}"
    path.write_text(text)
    profile = open_profile()
    assert "were not readable and now stand in" in profile.troubles[0]
    assert profile.now == Settings()
    (aside,) = path.parent.glob("default.corrupt-*")
    assert aside.read_text() == text


def test_a_server_list_in_a_text_that_is_nested_too_deeply_counts_as_none(path: Any, open_profile: Any) -> None:
    path.write_text(json.dumps({"server_configs": "[" * 10_000, "nickname": "ada"}))
    assert open_profile().now == Settings(nickname="ada")


def test_a_server_file_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    (tmp_path / "servers.json").write_text("[" * 10_000 + "]" * 10_000)
    with pytest.raises(ConfigError, match="nested more than 100 levels deep"):
        read_server_file(tmp_path / "servers.json")


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_folder(path: Path) -> None:
    path.mkdir()


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.skipif(os.name != "posix", reason="needs pipes and devices")
@pytest.mark.parametrize(
    ("make", "words"), [(make_pipe, "a pipe"), (make_folder, "a folder"), (make_device, "a device")]
)
def test_what_is_no_file_is_refused_and_left_alone(
    path: Any, open_profile: Any, make: Callable[[Path], None], words: str
) -> None:
    make(path)
    profile = open_profile()
    assert profile.troubles[0].endswith(f"cannot be read: {words} is in its place; move it away")
    assert profile.now == Settings()
    profile.file.save("nickname", profile.now, profile.now.changed({"nickname": "ada"}))
    profile.file.close()
    assert not path.is_file()
    assert "the last changes of the settings are not in" in profile.troubles[-1]


@pytest.mark.parametrize("token", ["two\nlines", "bell\x07", 987_654_321, "x" * 100_000])
def test_a_token_that_cannot_be_used_is_said_and_counts_as_none(path: Any, open_profile: Any, token: Any) -> None:
    path.write_text(json.dumps({"token": token}))
    path.chmod(0o600)
    profile = open_profile()
    assert profile.now.token is None
    (trouble,) = profile.troubles
    assert "cannot be used, so it counts as none: " in trouble
    assert str(token) not in trouble
