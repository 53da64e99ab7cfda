"""The generated code must load on every protobuf runtime a Jupyter stack may bring."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ipymultichat

SOURCE = Path(ipymultichat.__file__).parents[1]
SCRIPT = """
import google.protobuf
from ipymultichat.model import Secret
from ipymultichat.wire import agentassist_pb2 as pb, decode, encode
from ipymultichat.wire.commands import Login
assert pb.WebsocketMessage.FromString(encode(Login(Secret("tök"), "ada"))).StrParam == "tök"
decode(pb.WebsocketMessage(Cmd="UserLogin").SerializeToString())
print(google.protobuf.__version__)
"""


@pytest.mark.timeout(180)
@pytest.mark.parametrize("version", ["4.21.12", "5.29.5", "6.33.0"])
def test_the_codec_works_on_this_protobuf_runtime(version: str, tmp_path: Path) -> None:
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(tmp_path)]
    subprocess.run([*install, f"protobuf=={version}"], check=True)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(SOURCE)])}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == version, done.stderr
