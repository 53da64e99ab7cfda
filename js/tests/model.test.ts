/** The tables that are generated from the model in Python, and what the browser makes of them. */
import { describe, expect, test } from "vitest";
import { isAnswered, isOpen, isRequest, isSendable, peerOf } from "../src/message";
import { ANSWERED, KINDS, MESSAGE_FIELDS, OPEN, SENDABLE, STATUSES, TRANSITIONS } from "../src/model.gen";
import { readMessage } from "../src/validate";
import { message, raw } from "./helpers";

const every = KINDS.flatMap((kind) => STATUSES.map((status) => ({ kind, status })));

describe("the life of a message", () => {
  test.each(every)(
    "a $kind that is $status can be sent exactly where sending may follow",
    ({ kind, status }) => {
      const following = TRANSITIONS[kind][status] ?? [];
      expect(isSendable(message(1, { kind, status }))).toBe(following.includes("sending"));
    },
  );

  test.each(KINDS)("a %s that can be sent, or is on its way, is open", (kind) => {
    for (const status of [...SENDABLE[kind], "sending" as const]) {
      expect(isOpen(message(1, { kind, status })), status).toBe(true);
    }
  });

  test("an answered request is over, and there is no answered chat", () => {
    for (const { kind, status } of every) {
      const item = message(1, { kind, status });
      expect(isAnswered(item)).toBe(ANSWERED[kind] === status);
      if (isAnswered(item)) expect([isRequest(item), isOpen(item)]).toEqual([true, false]);
    }
    expect(OPEN.chat.has("received")).toBe(false);
  });
});

describe("every field of a message", () => {
  const samples = {
    Order: [7, 8],
    Kind: "report",
    Status: "confirmed",
    AgentState: "kept",
    string: "some words",
    number: 9,
    boolean: true,
    "number | null": 10,
    "readonly Question[]": [{ question: "q", header: "h", multiple: true, custom: true, options: [] }],
    "Approval | null": { tool_name: "sql", arguments: "{}", diff: "-a", action: "Drop it." },
    "Reply | null": { text: "yes", by: "me", at: 5, mine: true, attachments: [] },
  };

  test.each(Object.entries(MESSAGE_FIELDS))("%s is read as %s", (name, type) => {
    const read = readMessage(raw(1, { [name]: samples[type] }));
    expect(read?.[name as keyof typeof MESSAGE_FIELDS]).toEqual(samples[type]);
  });

  test("and nothing else comes through", () => {
    const read = readMessage(raw(1, { strange: 1 }));
    expect(Object.keys(read ?? {})).toEqual(Object.keys(MESSAGE_FIELDS));
  });
});

test("the other person of a chat message is not the one who wrote it here", () => {
  const names = { kind: "chat", sender: "ada", receiver: "me" };
  expect(peerOf(message(1, names))).toEqual({ server_id: "s1", nickname: "ada" });
  expect(peerOf(message(1, { ...names, mine: true })).nickname).toBe("me");
});
