import { signal } from "@preact/signals";
import { beforeEach, describe, expect, test } from "vitest";
import { Colours, HUES } from "../src/colour";
import { makeSafeStorage } from "../src/storage";

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
const contrast = (a: string, b: string) => {
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
};

test.each(HUES)("%s stands out from a light and a dark page", (hue) => {
  expect(contrast(hue, "#ffffff")).toBeGreaterThanOrEqual(3);
  expect(contrast(hue, "#111111")).toBeGreaterThanOrEqual(3);
});

describe("servers", () => {
  const storage = () => makeSafeStorage(() => localStorage);
  const list = (...ids: string[]) => ids.map((id) => ({ id }));
  const followed = (servers: ReturnType<typeof list>) => {
    const colours = new Colours(storage());
    const shown = signal(servers);
    colours.follow(shown);
    return { colours, shown };
  };
  beforeEach(() => localStorage.clear());

  test("have different colours, in the order of the list, for as many as there are", () => {
    const ids = HUES.map((_, n) => `server ${n}`);
    const { colours } = followed(list(...ids));
    expect(ids.map((id) => colours.of(id))).toEqual([...HUES]);
  });

  test("keep theirs when others come, go or change places, and over a reload", () => {
    const { colours, shown } = followed(list("a", "b"));
    const before = colours.of("b");
    shown.value = list("b", "c", "a");
    expect(colours.of("b")).toBe(before);
    expect(new Set(["a", "b", "c"].map((id) => colours.of(id))).size).toBe(3);
    colours.flush();
    expect(followed(list("b")).colours.of("b")).toBe(before);
  });
});
