"""The shell around the state, without sockets."""

import time
from collections.abc import AsyncIterator

import pytest
from chat_person import question

from ipymultichat.server import Faults, Limits
from ipymultichat.server.effects import Client, Refused
from ipymultichat.server.outbox import Outbox
from ipymultichat.server.relay import Relay
from ipymultichat.server.state import ServerState
from ipymultichat.server.stores.sqlite import MemoryStore
from ipymultichat.server.tokens import Tokens
from ipymultichat.wire import agentassist_pb2 as pb


class Wire:
    """Stands for a websocket; notes what goes out."""

    def __init__(self) -> None:
        self.commands: list[str | int] = []
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True

    async def send_bytes(self, data: bytes) -> None:
        self.commands.append(pb.WebsocketMessage.FromString(data).Cmd)

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        self.commands.append(code)


TOKENS = Tokens()
TEAM = TOKENS.team_of("team") or ""


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    relay = Relay(ServerState(clock=time.time, tokens=TOKENS, limits=Limits(max_queue=1000)), Faults(), MemoryStore())
    await relay.open()
    yield relay
    await relay.close()
    await relay.store.close()


async def join(relay: Relay, nickname: str) -> tuple[Client, Outbox, Wire]:
    wire = Wire()
    client, outbox = relay.join(wire.abort)
    login = pb.WebsocketMessage(Cmd="UserLogin", StrParam="team", Nickname=nickname)
    await relay.receive(client, login.SerializeToString())
    return client, outbox, wire


async def test_one_cut_off_is_gone_at_once_for_the_others(relay: Relay) -> None:
    _, outbox, wire = await join(relay, "ada")
    slow, _, slow_wire = await join(relay, "slow")
    chat = pb.SendChatMessageRequest(receiver_client_id=slow.client_id, content="x" * 600)
    message = pb.WebsocketMessage(Cmd="SendChatMessage", SendChatMessageRequest=chat).SerializeToString()
    bob, bob_outbox, bob_wire = await join(relay, "bob")
    for _ in range(2):
        await relay.receive(bob, message)
    assert slow_wire.aborted
    outbox.close(1000, "")
    await outbox.drain(wire)
    assert wire.commands == ["UserLogin"] + ["UserConnectionStatusNotification"] * 3 + [1000]  # slow, bob, slow gone
    bob_outbox.close(1000, "")
    await bob_outbox.drain(bob_wire)
    assert bob_wire.commands == ["UserLogin", "UserConnectionStatusNotification", 1000]


async def test_a_close_follows_what_is_queued_and_nothing_follows_it(relay: Relay) -> None:
    bad, bad_outbox, bad_wire = await join(relay, "bad")
    await relay.receive(bad, b"\xff")
    await join(relay, "ada")
    await relay.ask("AskQuestion", question(), TEAM)
    await bad_outbox.drain(bad_wire)
    assert bad_wire.commands == ["UserLogin", 1007]
    assert not bad_wire.aborted


async def test_a_caller_that_gave_up_after_its_answer_came_changes_nothing_for_the_next_one(relay: Relay) -> None:
    await join(relay, "ada")
    record, answer = await relay.ask("AskQuestion", question("q1"), TEAM)
    await relay.withdraw(record.key)
    assert dict(answer.result().Meta) == {"error": "cancelled"}
    again, second = await relay.ask("AskQuestion", question("q1"), TEAM)
    relay.abandon(record, answer)
    assert (await relay.ask("AskQuestion", question("q1"), TEAM))[0].state == "waiting"
    assert not second.done()
    assert again.version > record.version


async def test_a_closed_relay_ends_what_waits_and_takes_no_more(relay: Relay) -> None:
    await join(relay, "ada")
    _, answer = await relay.ask("AskQuestion", question("q1"), TEAM)
    await relay.close()
    with pytest.raises(Refused) as caught:
        answer.result()
    assert caught.value.code == "unavailable"
    with pytest.raises(Refused, match="stopping"):
        await relay.ask("AskQuestion", question("q2"), TEAM)
