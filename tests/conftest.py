import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "session"))
sys.path.insert(0, str(Path(__file__).parent / "support"))


@pytest.fixture(autouse=True)
def _no_home(tmp_path, monkeypatch):
    """No test reads or writes the person's own settings."""
    monkeypatch.setenv("MULTICHAT_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.delenv("MULTICHAT_TOKEN", raising=False)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
