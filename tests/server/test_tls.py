"""The server's own TLS, over real sockets."""

import asyncio
import gc
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from chat_person import Person, question
from cryptography.hazmat.primitives import serialization
from waiting import until

from ipymultichat.agent import AgentClient
from ipymultichat.errors import ConfigError, ServerUnreachableError
from ipymultichat.server import Limits, LocalServer, listener

URL = "/agentassistproto.SrvAgentAssist/AskQuestion"
PROTO = {"content-type": "application/proto"}

# Of the clients here, whose server closes first: before Python 3.11, asyncio calls such a transport unclosed.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*_SSLProtocolTransport.__del__:pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()  # here, where that is ignored


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> dict[str, Any]:
    """Give a certificate for this machine, and its key."""
    issued = authority.issue_cert("127.0.0.1")
    (tmp_path / "key.pem").write_bytes(issued.private_key_pem.bytes())
    (tmp_path / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    return {"certfile": tmp_path / "cert.pem", "keyfile": tmp_path / "key.pem"}


@pytest.fixture
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
async def server(files: dict[str, Any]) -> AsyncIterator[LocalServer]:
    async with LocalServer(**files) as running:
        yield running


def visits(server: LocalServer) -> int:
    running = server._listener._running
    assert running is not None
    return len(running[1].admission)


async def test_people_and_agents_come_encrypted(server: LocalServer, trusting: ssl.SSLContext) -> None:
    assert server.url.startswith("wss://127.0.0.1:")
    assert server.http_url.startswith("https://127.0.0.1:")
    ada = await Person.connect(server.url, ssl=trusting)
    await ada.login("team", "ada")
    async with httpx.AsyncClient(trust_env=False, verify=trusting, base_url=server.http_url) as http:
        assert (await http.get("/health")).status_code == 200
        call = asyncio.ensure_future(http.post(URL, content=question("q1").SerializeToString(), headers=PROTO))
        await ada.reply((await ada.expect("AskQuestion")).AskQuestionRequest, "yes")
        assert (await call).status_code == 200
    await ada.leave()


async def test_one_file_may_hold_both(files: dict[str, Any], tmp_path: Path, trusting: ssl.SSLContext) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(files["keyfile"].read_bytes() + files["certfile"].read_bytes())
    async with LocalServer(certfile=both) as server:
        await (await Person.connect(server.url, ssl=trusting)).leave()


async def test_http_1_1_is_all_that_is_offered(server: LocalServer, trusting: ssl.SSLContext) -> None:
    port = int(server.http_url.rpartition(":")[2])
    for offered, chosen in ((["h2", "http/1.1"], "http/1.1"), (["h2"], None)):
        trusting.set_alpn_protocols(offered)
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting)
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == chosen
        writer.close()
        await writer.wait_closed()


async def test_an_agent_that_does_not_trust_it_says_so(server: LocalServer) -> None:
    with pytest.raises(ServerUnreachableError, match="certificate"):
        await AgentClient(server.url, "team", retry=False).ask_question("ok?")


@pytest.mark.parametrize("limits", [{"login_seconds": 0.1}, {"max_strangers": 3}])
async def test_peers_that_never_shake_hands_keep_nobody_out_and_are_cut(
    files: dict[str, Any], trusting: ssl.SSLContext, limits: dict[str, Any]
) -> None:
    async with LocalServer(**files, limits=Limits(**limits, max_connections=8)) as server:
        port = int(server.http_url.rpartition(":")[2])
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        ada = await Person.connect(server.url, ssl=trusting)
        await ada.login("team", "ada")
        first = silent[0][0]
        assert await first.read() == b""
        await ada.leave()
        for _, writer in silent:
            writer.close()


async def test_peers_that_never_shake_hands_do_not_hold_up_the_end(files: dict[str, Any]) -> None:
    server = await LocalServer(**files).start()
    port = int(server.http_url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await until(lambda: visits(server))
    await asyncio.wait_for(server.stop(), 5)
    assert await reader.read() == b""
    writer.close()


async def test_rubbish_for_a_handshake_is_no_fault(server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(server.http_url.rpartition(":")[2]))
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await reader.read()
    writer.close()
    await until(lambda: not visits(server))
    assert not caplog.records


async def test_no_more_is_read_of_an_encrypted_socket_at_a_time_than_of_another(
    server: LocalServer, trusting: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    receive = listener._WebSocket.data_received

    def data_received(self: listener._WebSocket, data: bytes) -> None:
        sizes.append(len(data))
        receive(self, data)

    monkeypatch.setattr(listener._WebSocket, "data_received", data_received)
    ada = await Person.connect(server.url, ssl=trusting)
    await ada.login("team", "ada")
    await ada.chat(ada, "x" * 900_000)
    await ada.expect("ChatMessageNotification")
    await ada.leave()
    assert max(sizes) <= 2 * listener.READ_SIZE


def test_files_that_cannot_be_used_are_named_with_the_remedy(
    files: dict[str, Any], tmp_path: Path, authority: trustme.CA
) -> None:
    other, locked, damaged = tmp_path / "other.pem", tmp_path / "locked.pem", tmp_path / "damaged.pem"
    other.write_bytes(authority.issue_cert("127.0.0.1").private_key_pem.bytes())
    key = serialization.load_pem_private_key(files["keyfile"].read_bytes(), None)
    with_passphrase = serialization.BestAvailableEncryption(b"hunter2")
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    locked.write_bytes(key.private_bytes(pem, form, with_passphrase))
    damaged.write_text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")
    cert, fit, none = str(files["certfile"]), str(files["keyfile"]), str(tmp_path / "none")
    for certfile, keyfile, words in (
        (none, fit, f"the certificate in {none} cannot be read: No such file"),
        (cert, none, f"the key in {none} cannot be read: No such file"),
        (None, fit, f"there is a key, {fit}, but no certificate"),
        (cert, None, f"there is no key in {cert}"),
        (fit, fit, f"there is no certificate in {fit}"),
        (cert, cert, f"there is no key in {cert}"),
        (cert, str(other), f"the key in {other} is not that of the certificate in {cert}"),
        (cert, str(locked), f"the key in {locked} is encrypted"),
        (str(damaged), fit, f"the certificate in {damaged} and the key in {fit} cannot be used"),
    ):
        with pytest.raises(ConfigError) as caught:
            LocalServer(certfile=certfile, keyfile=keyfile)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)
