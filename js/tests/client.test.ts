import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Client, SILENT_MS, SLOW_MS } from "../src/client";
import { patch, raw, snapshot } from "./helpers";

type Sent = Record<string, unknown>;
let sent: Sent[];
let client: Client;
let told: string[];

const ids = () => client.log.value.messages.map((message) => message.id).join(" ");
const syncs = () => sent.filter((frame) => frame.type === "sync").length;
const last = () => sent.at(-1) as Sent;
const answer = (change: object) =>
  client.receive({
    type: "result",
    client: client.name,
    ref: last().ref,
    ok: true,
    error: "",
    value: null,
    ...change,
  });

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  told = [];
  client = new Client((content) => sent.push(content as Sent), {
    onMessages: (messages, _before, isLive) => {
      told.push(`${messages.map((message) => message.id).join(" ")}${isLive ? " live" : ""}`);
    },
  });
});
afterEach(() => {
  client.close();
  vi.useRealTimers();
});

function live(seq = 5): void {
  client.sync();
  client.receive(snapshot(client.name, seq, [raw(1), raw(2)]));
}

describe("the handshake", () => {
  test("asks until the kernel answers, ever more slowly, and then stops", () => {
    client.sync();
    expect(last()).toEqual({ type: "sync", client: client.name });
    vi.advanceTimersByTime(1_000 + 2_000 + 4_000);
    expect(syncs()).toBe(4);
    client.receive(snapshot(client.name, 5, [raw(1)]));
    vi.advanceTimersByTime(120_000);
    expect(syncs()).toBe(4);
    expect(client.phase.value).toBe("live");
  });

  test("calls the kernel silent after a while, and takes it back when it answers", () => {
    client.sync();
    vi.advanceTimersByTime(SILENT_MS - 1);
    expect(client.phase.value).toBe("waiting");
    vi.advanceTimersByTime(1);
    expect(client.phase.value).toBe("silent");
    client.receive(snapshot(client.name, 5, []));
    expect(client.phase.value).toBe("live");
  });

  test("takes no snapshot meant for another tab", () => {
    client.sync();
    client.receive(snapshot("other", 5, [raw(1)]));
    expect(client.phase.value).toBe("waiting");
  });

  test("asks at once when the comm comes back, however slow the asking had become", () => {
    client.sync();
    vi.advanceTimersByTime(200_000);
    const before = syncs();
    client.probe();
    expect(syncs()).toBe(before + 1);
    client.receive(snapshot(client.name, 5, []));
    client.probe();
    expect(syncs()).toBe(before + 2);
    expect(vi.getTimerCount()).toBe(2);
  });

  test("survives a comm that throws", () => {
    const broken = new Client(() => {
      throw new Error("closed");
    });
    expect(() => broken.sync()).not.toThrow();
    broken.close();
  });
});

describe("out of step", () => {
  test("a gap asks once for a snapshot and keeps the list meanwhile", () => {
    live();
    client.receive(patch(8, [raw(9)]));
    client.receive(patch(9, [raw(10)]));
    expect(syncs()).toBe(2);
    expect(ids()).toBe("m1 m2");
    client.receive(snapshot(client.name, 9, [raw(1), raw(2), raw(9), raw(10)]));
    expect(ids()).toBe("m1 m2 m9 m10");
    vi.advanceTimersByTime(60_000);
    expect(syncs()).toBe(2);
  });

  test("patches that overtook the snapshot are applied after it", () => {
    live();
    client.receive(patch(8, [raw(8)]));
    client.receive(patch(7, [raw(7)]));
    client.receive(snapshot(client.name, 6, [raw(1), raw(2), raw(6)]));
    expect(ids()).toBe("m1 m2 m6 m7 m8");
    expect(client.log.value.seq).toBe(8);
    expect(syncs()).toBe(2);
  });

  test("a patch in the wrong order is put in its place without waiting for the snapshot", () => {
    live();
    client.receive(patch(7, [raw(7)]));
    client.receive(patch(6, [raw(6)]));
    expect(ids()).toBe("m1 m2 m6 m7");
  });

  test("a snapshot that does not close the gap is asked for again", () => {
    live();
    client.receive(patch(9, [raw(9)]));
    client.receive(snapshot(client.name, 6, [raw(1)]));
    expect(syncs()).toBe(3);
  });

  test("a repeated patch is dropped", () => {
    live();
    client.receive(patch(6, [raw(3)]));
    client.receive(patch(6, [raw(4)]));
    expect(ids()).toBe("m1 m2 m3");
    expect(syncs()).toBe(1);
  });

  test("another epoch asks for a snapshot, keeps the list until it is there, then replaces it", () => {
    live();
    client.receive(patch(1, [raw(50)], { epoch: "e2" }));
    expect(ids()).toBe("m1 m2");
    expect(syncs()).toBe(2);
    client.receive(snapshot(client.name, 1, [raw(50)], { epoch: "e2" }));
    expect(ids()).toBe("m50");
  });

  test.each([
    ["no object", "garbage"],
    ["no type", { seq: 6 }],
    ["a patch with an unreadable message", patch(6, [{ id: "x" }])],
    ["a patch without a number", patch(6, [], { seq: null })],
  ])("%s asks for a snapshot and leaves the list alone", (_name, content) => {
    live();
    client.receive(content);
    expect(ids()).toBe("m1 m2");
    expect(syncs()).toBe(2);
  });

  test.each([
    ["of a newer kernel", { type: "dance" }],
    ["for another tab", { type: "snapshot", client: "other" }],
  ])("what is unreadable because it is %s is ignored", (_name, content) => {
    live();
    client.receive(content);
    expect(syncs()).toBe(1);
  });
});

describe("a command", () => {
  test("is answered by its own result", async () => {
    const first = client.command("set_nickname", { nickname: "a" });
    const ref = last().ref;
    const second = client.command("reconnect", { server_id: null });
    answer({ value: 2 });
    answer({ ref, ok: false, error: "taken" });
    expect(await first).toEqual({ ok: false, error: "taken", silent: false });
    expect(await second).toEqual({ ok: true, value: 2 });
  });

  test("carries its name and arguments and nothing else", () => {
    void client.command("reply", { message_id: "m", text: "t" });
    expect(last()).toEqual({
      type: "command",
      client: client.name,
      ref: expect.any(String),
      name: "reply",
      args: { message_id: "m", text: "t" },
    });
  });

  test("ignores a result for another tab and one that nobody asked for", async () => {
    const waiting = client.command("check_url", { url: "x" });
    answer({ client: "other" });
    answer({ ref: "nobody" });
    answer({ value: "mine" });
    expect(await waiting).toEqual({ ok: true, value: "mine" });
  });

  test("that nobody answers gives up instead of hanging", async () => {
    const waiting = client.command("check_url", { url: "x" });
    vi.advanceTimersByTime(30_000);
    expect(await waiting).toMatchObject({ ok: false, silent: true });
  });

  test("that is a reply waits for a busy kernel, and says that it is busy", async () => {
    const waiting = client.command("reply", { message_id: "m", text: "t" });
    vi.advanceTimersByTime(SLOW_MS);
    expect(client.slow.value).toBe(1);
    vi.advanceTimersByTime(10 * 60_000);
    answer({});
    expect(await waiting).toMatchObject({ ok: true });
    expect(client.slow.value).toBe(0);
  });

  test("fails at once when the comm closes, and ever after", async () => {
    const waiting = client.command("reply", { message_id: "m", text: "t" });
    client.close();
    expect(await waiting).toMatchObject({ ok: false, silent: true });
    expect(await client.command("reply", { message_id: "m", text: "t" })).toMatchObject({
      ok: false,
      silent: true,
    });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("older pages", () => {
  test("are asked for from below the window and join it", async () => {
    client.sync();
    client.receive(snapshot(client.name, 5, [raw(10)], { more: true }));
    const waiting = client.older(50);
    expect(last()).toMatchObject({ type: "page", before: [10_000, 0], limit: 50, filter: {} });
    client.receive({ type: "page", client: client.name, ref: last().ref, messages: [raw(9)], more: false });
    await waiting;
    expect(ids()).toBe("m9 m10");
    expect(told, "who follows messages hears of those as well").toEqual(["m10", "m9"]);
    expect(client.log.value.more).toBe(false);
  });
});

describe("what is in the log no more", () => {
  const removed = () => [...client.removed.value].sort().join(" ");

  test("is told as a patch says it", () => {
    live();
    client.receive(patch(6, [], { remove: ["m1"] }));
    expect(removed()).toBe("m1");
  });

  test("is all that the first snapshot of another log does not have", () => {
    live();
    client.receive(patch(1, [], { epoch: "e2" }));
    client.receive(snapshot(client.name, 1, [raw(2), raw(3)], { epoch: "e2" }));
    expect(removed()).toBe("m1");
  });

  test("is not what only left the window of the same log", () => {
    live();
    client.receive(patch(9, []));
    client.receive(snapshot(client.name, 9, [raw(50)], { more: true }));
    expect(ids()).toBe("m50");
    expect(removed()).toBe("");
  });
});
