import { describe, expect, test } from "vitest";
import type { Message } from "../src/model.gen";
import { countAfter, find, indexOf, lowerBound, merge, refilter } from "../src/sorted";
import { message } from "./helpers";

/** The same numbers in every run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
}

/** What `merge` promises, written without regard to its cost. */
function naive(old: readonly Message[], fresh: readonly Message[]): Message[] {
  const all = new Map([...old, ...fresh].map((item) => [item.id, item]));
  return [...all.values()].sort((a, b) => a.order[0] - b.order[0] || a.order[1] - b.order[1]);
}

const ids = (list: readonly Message[]) => list.map((item) => item.id).join(" ");
const some = (next: (below: number) => number, count: number) =>
  Array.from({ length: next(count) }, () => {
    const n = next(40);
    return message(n, { order: [n >> 2, n], text: `${next(9)}` });
  });

describe("two lists become one", () => {
  test.each(Array.from({ length: 60 }, (_, seed) => seed))("as a sort would have it, schedule %i", (seed) => {
    const next = random(seed);
    let list: readonly Message[] = [];
    for (let step = 0; step < 12; step += 1) {
      const fresh = some(next, 8);
      const merged = merge(list, fresh);
      expect(merged).toEqual(naive(list, fresh));
      expect(list).toEqual(naive(list, []));
      list = merged;
    }
  });

  test("and what did not change is the same object", () => {
    const list = [message(1), message(3)];
    const merged = merge(list, [message(2), message(3)]);
    expect(ids(merged)).toBe("m1 m2 m3");
    expect(merged[0]).toBe(list[0]);
    expect(merged[2]).not.toBe(list[1]);
  });
});

describe("a message is found by its place", () => {
  const list = [message(1), message(5, { order: [2000, 0] }), message(6, { order: [2000, 0] }), message(7)];

  test("and by its id where two share one", () => {
    expect(list.map((item) => indexOf(list, item))).toEqual([0, 1, 2, 3]);
    expect(find(list, message(6, { order: [2000, 0], text: "changed" }))).toBe(list[2]);
  });

  test("or not at all", () => {
    expect(indexOf(list, message(9, { order: [2000, 0] }))).toBe(-1);
    expect(find(list, message(99))).toBeUndefined();
    expect(find([], message(1))).toBeUndefined();
  });

  test("and a place is the first one at or after it", () => {
    expect([0, 1_000, 1_001, 2_000, 9_000].map((ms) => lowerBound(list, [ms, 0]))).toEqual([0, 0, 1, 1, 4]);
  });

  test("and those after it are counted from the end", () => {
    expect(countAfter(list, [2000, 0], () => true)).toBe(1);
    expect(countAfter(list, [0, 0], (item) => item.id !== "m6")).toBe(3);
  });
});

describe("a filter goes on from what it left before", () => {
  const odd = (item: Message) => Number(item.text) % 2 === 1;

  test.each(Array.from({ length: 60 }, (_, seed) => seed))("and leaves the same, schedule %i", (seed) => {
    const next = random(seed + 1_000);
    let list: readonly Message[] = [];
    let kept: readonly Message[] = [];
    for (let step = 0; step < 12; step += 1) {
      const gone = new Set(some(next, 3).map((item) => item.id));
      const now = merge(
        list.filter((item) => !gone.has(item.id)),
        some(next, 6),
      );
      kept = refilter(list, kept, now, odd);
      list = now;
      expect(ids(kept)).toBe(ids(list.filter(odd)));
      expect(kept.every((item) => list.includes(item))).toBe(true);
    }
  });

  test("and looks only at what is new", () => {
    const list = Array.from({ length: 1_000 }, (_, n) => message(n));
    let looked = 0;
    const look = () => {
      looked += 1;
      return true;
    };
    const kept = refilter([], [], list, look);
    expect(looked).toBe(1_000);
    const newer = merge(list, [message(1_000)]);
    const newest = refilter(list, kept, newer, look);
    refilter(newer, newest, merge(newer, [message(500, { text: "changed" })]), look);
    expect(looked).toBe(1_002);
    expect(refilter(list, kept, list, look)).toBe(kept);
  });
});
