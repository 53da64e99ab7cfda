import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "session"))
sys.path.insert(0, str(Path(__file__).parent / "support"))

from processes import restore_interrupts


def pytest_configure():
    """Set up each process that runs tests."""
    restore_interrupts()


@pytest.fixture(autouse=True)
def _no_home(tmp_path, monkeypatch):
    """No test reads or writes the person's own settings."""
    monkeypatch.setenv("MULTICHAT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("MULTICHAT_TOKEN", raising=False)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Where tests run side by side, one process has all that drive a browser: two of them need more than two cores."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.xdist_group("browser"))
