import { describe, expect, it } from "vitest";
import { escapeInvisible } from "../src/invisible";

describe("a text with invisible characters", () => {
  it.each([
    ["a right-to-left override", "invoice\u202Efdp.exe", "invoice⟦U+202E⟧fdp.exe"],
    ["an isolate", "a\u2066b\u2069c", "a⟦U+2066⟧b⟦U+2069⟧c"],
    ["a zero-width space", "ad\u200Ba", "ad⟦U+200B⟧a"],
    ["a byte order mark", "\uFEFFada", "⟦U+FEFF⟧ada"],
    ["tag characters", "yes\u{E0041}", "yes⟦U+E0041⟧"],
  ])("writes out %s", (_what, given, shown) => {
    expect(escapeInvisible(given)).toBe(shown);
  });

  it.each(["👩‍💻", "می‌خواهم", "שלום‏", "plain", "zoë", "a\nb\tc"])("leaves honest text alone: %s", (text) => {
    expect(escapeInvisible(text)).toBe(text);
  });
});
