import { describe, expect, test } from "vitest";
import type { Page, Patch, Snapshot } from "../src/protocol";
import { applyPage, applyPatch, applySnapshot, EMPTY_LOG, type Log } from "../src/store";
import { readFrame } from "../src/validate";
import { patch, raw, snapshot } from "./helpers";

const ids = (log: Log) => log.messages.map((message) => message.id).join(" ");
const snap = (seq: number, messages: unknown[], change = {}) =>
  readFrame(snapshot("c", seq, messages, change)) as Snapshot;
const diff = (seq: number, upsert: unknown[], change = {}) => readFrame(patch(seq, upsert, change)) as Patch;
const page = (messages: unknown[], more: boolean) =>
  readFrame({ type: "page", client: "c", ref: "1", messages, more }) as Page;
const start = applySnapshot(EMPTY_LOG, snap(5, [raw(1), raw(2)]));

describe("a patch", () => {
  test("adds, changes and removes, and keeps the order", () => {
    const [log, outcome] = applyPatch(
      start,
      diff(6, [raw(4), raw(3), raw(2, { status: "failed" })], { remove: ["m1"] }),
    );
    expect(outcome).toBe("applied");
    expect(ids(log)).toBe("m2 m3 m4");
    expect(log.messages[0]?.status).toBe("failed");
    expect(log.seq).toBe(6);
  });

  test("that was seen before changes nothing", () => {
    expect(applyPatch(start, diff(5, [raw(9)]))).toEqual([start, "repeat"]);
  });

  test("after a gap changes nothing and says so", () => {
    expect(applyPatch(start, diff(7, [raw(9)]))).toEqual([start, "gap"]);
  });

  test("of another epoch changes nothing and says so, even with the next number", () => {
    expect(applyPatch(start, diff(6, [raw(9)], { epoch: "e2" }))).toEqual([start, "gap"]);
  });

  test("orders by the second number where the first is equal", () => {
    const same = [raw(3, { order: [9, 2] }), raw(4, { order: [9, 10] }), raw(5, { order: [9, 1] })];
    expect(ids(applySnapshot(EMPTY_LOG, snap(1, same)))).toBe("m5 m3 m4");
  });

  test("leaves untouched messages the same objects, so that their cards are not drawn again", () => {
    const [log] = applyPatch(start, diff(6, [raw(3)]));
    expect(log.messages[0]).toBe(start.messages[0]);
  });

  test("changes only the people it names", () => {
    const user = (name: string, nickname = name) => ({
      server_id: "s1",
      client_id: name,
      nickname,
      connected_at: 1,
    });
    const known = applySnapshot(EMPTY_LOG, snap(1, [], { users: [user("a"), user("b")], user_count: 900 }));
    expect(applyPatch(known, diff(2, []))[0].users).toBe(known.users);
    const change = { users: [user("b", "bea"), user("c")], users_gone: [user("a")], user_count: 901 };
    const [next] = applyPatch(known, diff(2, [], change));
    expect(next.users.map(({ nickname }) => nickname)).toEqual(["bea", "c"]);
    expect([known.userCount, next.userCount]).toEqual([900, 901]);
  });
});

describe("conversations", () => {
  const talk = { server_id: "s1", nickname: "ada", unread: 2, last: 7 };
  const known = applySnapshot(EMPTY_LOG, snap(1, [], { conversations: [talk] }));

  test("come with a snapshot, and are none where it says nothing of them", () => {
    expect(known.conversations).toEqual([talk]);
    expect(applySnapshot(known, snap(2, [])).conversations).toEqual([]);
  });

  test("stay as they are without word in a patch, and are replaced by what it says", () => {
    expect(applyPatch(known, diff(2, []))[0].conversations).toEqual([talk]);
    const read = { ...talk, unread: 0 };
    expect(applyPatch(known, diff(2, [], { conversations: [read] }))[0].conversations).toEqual([read]);
  });
});

describe("a snapshot", () => {
  test("never doubles a message", () => {
    const again = applySnapshot(start, snap(9, [raw(1), raw(2), raw(2), raw(3)]));
    expect(ids(again)).toBe("m1 m2 m3");
  });

  test("of another epoch replaces everything", () => {
    expect(ids(applySnapshot(start, snap(1, [raw(8)], { epoch: "e2", more: true })))).toBe("m8");
  });

  test("of the same epoch keeps older pages that join it, so that the list does not jump", () => {
    const wide = applySnapshot(EMPTY_LOG, snap(1, [raw(1), raw(2), raw(3), raw(4)]));
    const log = applySnapshot(wide, snap(9, [raw(3), raw(4), raw(5)], { more: true }));
    expect(ids(log)).toBe("m1 m2 m3 m4 m5");
    expect(log.completeFrom).toEqual([1000, 0]);
    expect(log.more).toBe(false);
  });

  test("drops older pages with a hole before it", () => {
    const log = applySnapshot(start, snap(99, [raw(50), raw(51)], { more: true }));
    expect(ids(log)).toBe("m50 m51");
  });

  test("drops an older request that is no longer pending, and what lies before it is fetched again", () => {
    const wide = applySnapshot(EMPTY_LOG, snap(1, [raw(1), raw(2, { status: "pending" }), raw(3), raw(4)]));
    const log = applySnapshot(wide, snap(9, [raw(4), raw(5)], { more: true }));
    expect(ids(log)).toBe("m3 m4 m5");
    expect(log.more).toBe(true);
  });

  test("with old pending requests pages on from below its newest page, not from below them", () => {
    const log = applySnapshot(
      EMPTY_LOG,
      snap(1, [raw(1, { status: "pending" }), raw(50), raw(51)], { more: true }),
    );
    expect(log.completeFrom).toEqual([50_000, 0]);
  });
});

describe("a page", () => {
  const log = applySnapshot(EMPTY_LOG, snap(1, [raw(10), raw(11)], { more: true }));

  test("widens the window downwards", () => {
    const next = applyPage(log, log.completeFrom, page([raw(8), raw(9)], true));
    expect(ids(next)).toBe("m8 m9 m10 m11");
    expect(next.completeFrom).toEqual([8000, 0]);
    expect(next.more).toBe(true);
  });

  test("asked for before the window moved is dropped", () => {
    expect(applyPage(log, [77, 0], page([raw(8)], true))).toBe(log);
  });

  test("never replaces what a patch has brought since", () => {
    const next = applyPage(log, log.completeFrom, page([raw(9), raw(10, { status: "pending" })], false));
    expect(next.messages[1]?.status).toBe("replied");
  });

  test("never doubles a message, though it stands elsewhere on the disk", () => {
    const next = applyPage(log, log.completeFrom, page([raw(9), raw(10, { order: [9_500, 0] })], false));
    expect(ids(next)).toBe("m9 m10 m11");
  });

  test("that is empty ends the paging", () => {
    expect(applyPage(log, log.completeFrom, page([], true)).more).toBe(false);
  });
});
