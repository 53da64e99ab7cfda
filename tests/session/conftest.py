import pytest
from frames import Driver

from ipymultichat.model import Secret
from ipymultichat.session import Session


@pytest.fixture
def driver() -> Driver:
    return Driver(Session(), Secret("tok"))
