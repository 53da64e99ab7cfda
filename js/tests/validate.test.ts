import { describe, expect, test } from "vitest";
import { readFrame, readMessage, readNotices, readServers, readSettings } from "../src/validate";
import { patch, raw, reply, snapshot } from "./helpers";

const GARBAGE = [null, undefined, 7, "x", [], {}, { type: 3 }, { type: "patch" }, { type: "snapshot" }];

describe("a frame", () => {
  test.each(GARBAGE.map((item) => [JSON.stringify(item), item]))("%s is refused", (_name, item) => {
    expect(readFrame(item)).toBeNull();
  });

  test.each([
    ["seq is not a number", { seq: "6" }],
    ["seq is not finite", { seq: Number.NaN }],
    ["epoch is missing", { epoch: null }],
    ["a message is unreadable", { upsert: [raw(1), { id: "x" }] }],
    ["the messages are no list", { upsert: {} }],
    ["a removed id is no text", { remove: [4] }],
    ["a user is unreadable", { users: [{ nickname: "ada" }] }],
  ])("that is a patch is refused as a whole when %s", (_name, change) => {
    expect(readFrame(patch(6, [], change))).toBeNull();
  });

  test("that is a snapshot keeps its readable messages", () => {
    const frame = readFrame(snapshot("c", 1, [raw(1), 7, raw(2, { order: "x" })]));
    expect(frame?.type === "snapshot" && frame.messages.map((message) => message.id)).toEqual(["m1"]);
  });

  test("that is a result needs to say yes or no", () => {
    expect(readFrame({ type: "result", client: "c", ref: "1", ok: 1 })).toBeNull();
  });
});

describe("a message", () => {
  test.each([
    ["id", ""],
    ["server_id", 4],
    ["order", [1]],
    ["order", [1, "2"]],
    ["kind", "shout"],
    ["status", "done"],
  ])("with %s %j is refused", (field, value) => {
    expect(readMessage(raw(1, { [field]: value }))).toBeNull();
  });

  test("with only what matters reads as empty elsewhere", () => {
    const read = readMessage({ id: "m", server_id: "s", order: [5, 0], kind: "chat", status: "sent" });
    expect(read).toMatchObject({
      text: "",
      created_at: 5,
      deadline: null,
      options: [],
      reply: null,
      mine: false,
    });
  });

  test("with an unreadable attachment keeps the places of the others, by which they are fetched", () => {
    const image = { type: "image", mime_type: "image/png", size: 3, name: "image" };
    const read = readMessage(raw(1, { reply: reply("", { attachments: [null, image] }) }));
    expect(read?.reply?.attachments).toEqual([{ type: "unknown", mime_type: "", size: 0, name: "" }, image]);
  });

  test("with broken options keeps those that can be chosen", () => {
    const read = readMessage(
      raw(1, { options: [{ question: "q", options: [{ label: "a" }, {}, 3] }, null] }),
    );
    expect(read?.options).toEqual([
      {
        question: "q",
        header: "",
        multiple: false,
        custom: false,
        options: [{ label: "a", description: "" }],
      },
    ]);
  });
});

describe("traits", () => {
  test("that are garbage read as nothing", () => {
    expect(readServers("x")).toEqual([]);
    expect(readNotices([{ at: 1 }, 3])).toEqual([]);
    expect(readSettings(null)).toMatchObject({ nickname: "" });
  });

  test("a server of unknown state counts as disconnected, and one without a label shows its address", () => {
    expect(readServers([{ id: "s", url: "ws://x", state: "?" }])[0]).toMatchObject({
      state: "disconnected",
      label: "ws://x",
      enabled: true,
    });
  });

  test("a server may say something about itself", () => {
    expect(readServers([{ id: "s", url: "ws://x", notice: "No database." }])[0]?.notice).toBe("No database.");
    expect(readServers([{ id: "s", url: "ws://x", notice: 3 }])[0]?.notice).toBe("");
  });

  test("only a clear no asks for a token", () => {
    expect(readSettings({}).has_token).toBe(true);
    expect(readSettings({ has_token: false }).has_token).toBe(false);
  });
});
