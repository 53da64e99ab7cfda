import { expect, test } from "vitest";
import { HUES, hueOf } from "../src/colour";

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

test("a server keeps its colour, and servers spread over the colours", () => {
  expect(hueOf("abc")).toBe(hueOf("abc"));
  const used = new Set(Array.from({ length: 200 }, (_, n) => hueOf(`server-${n}`)));
  expect(used.size).toBe(HUES.length);
});
