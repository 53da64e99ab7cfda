import os
from pathlib import Path

import pytest
from processes import restore_interrupts


def pytest_configure() -> None:
    """Set up each process that runs tests."""
    restore_interrupts()


@pytest.fixture(autouse=True)
def _no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the person's own settings."""
    monkeypatch.setenv("MULTICHAT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("MULTICHAT_TOKEN", raising=False)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run side by side, one process has all that drive a browser: two of them need more than two cores."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.xdist_group("browser"))
