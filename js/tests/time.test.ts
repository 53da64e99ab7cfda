import { effect } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Clock, formatCountdown, formatDay, formatSize, sameDay } from "../src/time";

describe("a countdown", () => {
  test.each([
    [503_000, "8:23"],
    [59_001, "1:00"],
    [1, "0:01"],
    [0, "0:00"],
    [-5_000, "0:00"],
    [3_723_000, "1:02:03"],
  ])("%d ms reads %s", (ms, text) => {
    expect(formatCountdown(ms)).toBe(text);
  });
});

describe("a size", () => {
  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_536, "1.5 KiB"],
    [25_600, "25 KiB"],
    [2 ** 20 - 1, "1.0 MiB"],
    [20 * 2 ** 20, "20 MiB"],
    [3 * 2 ** 30, "3.0 GiB"],
  ])("%d bytes reads %s", (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });
});

test("two moments around midnight are two days", () => {
  expect(sameDay(new Date(2026, 1, 1, 23, 59).getTime(), new Date(2026, 1, 2, 0, 1).getTime())).toBe(false);
  expect(sameDay(new Date(2026, 1, 1, 0, 1).getTime(), new Date(2026, 1, 1, 23, 59).getTime())).toBe(true);
});

test("a day has the name that people give it", () => {
  const now = new Date(2026, 2, 1, 0, 30).getTime();
  const day = (...date: [number, number, number]) => formatDay(new Date(...date).getTime(), "en", now);
  expect([day(2026, 2, 1), day(2026, 1, 28)]).toEqual(["Today", "Yesterday"]);
  expect(day(2026, 1, 27)).toBe("Friday, February 27, 2026");
});

describe("the clock", () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test("ticks once a second while somebody reads it, and rests otherwise", () => {
    const clock = new Clock();
    expect(vi.getTimerCount()).toBe(0);
    const seen: number[] = [];
    const stop = effect(() => {
      seen.push(clock.now.value);
    });
    vi.advanceTimersByTime(2_000);
    expect(seen).toEqual([1_000_000, 1_001_000, 1_002_000]);
    stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("shows the kernel's time, and a late frame does not turn it back", () => {
    const clock = new Clock();
    clock.sync(1_060_000);
    vi.advanceTimersByTime(800);
    clock.sync(1_060_100);
    expect(clock.toLocal(1_060_000)).toBe(1_000_000);
    expect(clock.toKernel(1_000_000)).toBe(1_060_000);
  });

  test("follows a kernel whose clock was set back", () => {
    const clock = new Clock();
    clock.sync(1_060_000);
    clock.sync(1_000_000);
    expect(clock.toLocal(1_000_000)).toBe(1_000_000);
  });
});
