import { describe, expect, test } from "vitest";
import { highlight, tokenize } from "../src/highlight";

const kinds = (code: string, language: string) =>
  tokenize(code, language)
    .filter((token) => token.kind)
    .map((token) => `${token.kind}:${token.text}`);

describe("code", () => {
  test.each([
    [
      "python",
      "def f(): # note\n  return 'a#b' + 12",
      ["keyword:def", "comment:# note", "keyword:return", "string:'a#b'", "number:12"],
    ],
    ["js", 'const x = "//" // y', ["keyword:const", 'string:"//"', "comment:// y"]],
    ["sql", "SELECT 1 -- x", ["keyword:SELECT", "number:1", "comment:-- x"]],
    ["diff", "+a\n-b\n c", ["added:+a\n", "removed:-b\n"]],
    ["unheard-of", "if # x", []],
  ])("in %s is coloured", (language, code, expected) => {
    expect(kinds(code, language)).toEqual(expected);
  });

  test.each(["'open", '"""open\n"', "/* open", "a\\", "", "`", "'\\"])("%j loses no character", (code) => {
    for (const language of ["python", "js", "sql", "diff", ""]) {
      expect(
        tokenize(code, language)
          .map((token) => token.text)
          .join(""),
      ).toBe(code);
    }
  });

  test("that looks like markup stays text", () => {
    const block = document.createElement("code");
    block.className = "language-js";
    block.textContent = 'const a = "<img src=x onerror=alert(1)>"';
    highlight(block);
    expect(block.querySelector("img")).toBeNull();
    expect(block.querySelectorAll("span")).toHaveLength(2);
  });

  test("of many unclosed quotes takes no time", () => {
    const start = performance.now();
    tokenize("'\"`/*".repeat(4_000), "js");
    expect(performance.now() - start).toBeLessThan(500);
  });
});
