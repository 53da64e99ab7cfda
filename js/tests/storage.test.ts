import { effect } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { MAP_MAX, makeSafeStorage, readStored, StoredMap, WatchedMap } from "../src/storage";

const text = (value: unknown) => (typeof value === "string" ? value : null);

describe("a watched map", () => {
  test("tells who reads of every change, and of nothing else", () => {
    const map = new WatchedMap<number>();
    const seen: unknown[] = [];
    const stop = effect(() => void seen.push(map.get("a")));
    map.set("a", 1);
    map.set("a", 1);
    map.set("a", undefined);
    map.deleteAll(["a", "b"]);
    stop();
    expect(seen).toEqual([undefined, 1, undefined]);
  });

  test("holds no more than its limit: what was set the longest ago goes first", () => {
    const map = new WatchedMap<number>();
    for (let n = 0; n < MAP_MAX; n += 1) map.set(`${n}`, n);
    map.set("0", -1);
    map.set("new", 1);
    expect([map.peek("0"), map.peek("1"), map.peek("2"), map.peek("new")]).toEqual([-1, undefined, 2, 1]);
    expect(map.values()).toHaveLength(MAP_MAX);
  });
});

describe("a stored map", () => {
  const open = () =>
    new StoredMap(
      makeSafeStorage(() => sessionStorage),
      "texts",
      text,
    );
  beforeEach(() => {
    vi.useFakeTimers();
    sessionStorage.clear();
  });
  afterEach(() => vi.useRealTimers());

  test("writes soon after a change, and is as it was when it is opened again", () => {
    const map = open();
    map.set("a", "1");
    map.set("b", "2");
    map.set("a", undefined);
    vi.advanceTimersByTime(1_000);
    expect(open().values()).toEqual(["2"]);
  });

  test("leaves alone what another widget of the tab keeps in the same place", () => {
    const [one, other] = [open(), open()];
    one.set("a", "1");
    other.set("b", "2");
    one.flush();
    other.flush();
    expect(open().values()).toEqual(["1", "2"]);
  });
});

test.each(["", "{", "7", "null", '[["a", 3], [4, "x"], null, "x", []]'])(
  "what reads %j holds nothing",
  (stored) => {
    expect(readStored(stored, text).size).toBe(0);
  },
);
