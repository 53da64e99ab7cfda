import { describe, expect, test } from "vitest";
import { fits, makeSearch, NO_FILTER, seenScope, toPageFilter } from "../src/feed";
import { message, reply } from "./helpers";

const chat = (change = {}) => message(1, { kind: "chat", sender: "ada", receiver: "me", ...change });
const ada = { ...NO_FILTER, peer: { server_id: "s1", nickname: "ada" } };

describe("a conversation", () => {
  test("holds what either side wrote, under whatever client id", () => {
    expect(fits(ada, chat({ sender_id: "old" }))).toBe(true);
    expect(fits(ada, chat({ mine: true, sender: "me", receiver: "ada", receiver_id: "new" }))).toBe(true);
  });

  test("never mixes the same nickname on two servers", () => {
    expect(fits(ada, chat({ server_id: "s2" }))).toBe(false);
  });

  test("holds no question, though the agent has the person's name", () => {
    expect(fits(ada, message(1, { agent_name: "ada", sender: "ada" }))).toBe(false);
  });

  test("asks the kernel for chat on that server", () => {
    expect(toPageFilter(ada)).toEqual({ kind: "chat", server_id: "s1", peer: "ada" });
  });
});

describe("the end of the list in view", () => {
  test.each([
    ["everything", NO_FILTER, "all"],
    ["one conversation", ada, ada.peer],
    ["a conversation searched through", { ...ada, search: "x" }, null],
    ["one kind", { ...NO_FILTER, kind: "chat" as const }, null],
    ["what is pending", { ...NO_FILTER, pending: true }, null],
  ])("of %s makes seen", (_what, filter, scope) => {
    expect(seenScope(filter)).toEqual(scope);
  });
});

describe("a filter", () => {
  test("sends only what is set", () => {
    expect(toPageFilter(NO_FILTER)).toEqual({});
    const set = { ...NO_FILTER, search: " x ", pending: true };
    expect(toPageFilter(set)).toEqual({ search: "x", pending: true });
  });

  test("finds text in what is said about a message as well, in any case", () => {
    const item = message(1, { reply: reply("Ship it") });
    for (const text of ["TEXT 1", "claude", "ship"]) expect(makeSearch(text)(item), text).toBe(true);
    expect(makeSearch("elsewhere")(item)).toBe(false);
    expect(makeSearch("")(item)).toBe(true);
  });
});
