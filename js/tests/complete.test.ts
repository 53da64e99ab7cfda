import { describe, expect, test } from "vitest";
import { complete, matching, tokenAt } from "../src/complete";

describe("what is completed", () => {
  test.each([
    ["@", "@", ""],
    ["see @src/ma", "@", "src/ma"],
    ["(@x", "@", "x"],
    ["line\n@a", "@", "a"],
    ["/", "/", ""],
    ["then /te", "/", "te"],
    ["/测试", "/", "测试"],
  ])("%j is", (text, sign, query) => {
    expect(tokenAt(text, text.length)).toMatchObject({ sign, query });
  });

  test.each(["", "text", "me@work", "a/b", "src/main", "@src done", "/two words", "http://x"])(
    "%j is not",
    (text) => {
      expect(tokenAt(text, text.length)).toBeNull();
    },
  );

  test("is what stands before the caret, not at the end", () => {
    expect(tokenAt("@ab and more", 3)).toEqual({ sign: "@", query: "ab", start: 0, end: 3 });
    expect(tokenAt("@ab and more", 8)).toBeNull();
  });
});

describe("a choice", () => {
  const put = (text: string, caret: number, choice: string) => {
    const token = tokenAt(text, caret);
    return token && complete(text, token, choice);
  };

  test("of a path keeps the sign and leaves the caret behind a blank", () => {
    expect(put("see @ma", 7, "src/main.py")).toEqual({ text: "see @src/main.py ", caret: 17 });
  });

  test("in the middle keeps what follows, with one blank between", () => {
    expect(put("see @ma now", 7, "m.py")).toEqual({ text: "see @m.py now", caret: 9 });
  });

  test("of a folder stays open, to be gone on with", () => {
    const done = put("@s", 2, "src/");
    expect(done).toEqual({ text: "@src/", caret: 5 });
    expect(tokenAt("@src/", 5)?.query).toBe("src/");
  });

  test("of a snippet takes the place of its name", () => {
    expect(put("well, /ok", 9, "Fine by me.")).toEqual({ text: "well, Fine by me.", caret: 17 });
  });
});

test("names that begin with what was typed come first", () => {
  const items = ["retest", "test", "other"].map((name) => ({ name }));
  expect(matching(items, "TE").map((item) => item.name)).toEqual(["test", "retest"]);
});
