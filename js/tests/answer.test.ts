import { describe, expect, test } from "vitest";
import { choose, composeAnswer, EMPTY_DRAFT } from "../src/answer";
import type { Question } from "../src/protocol";

const option = (label: string) => ({ label, description: "" });
const colour: Question = {
  question: "Which colour?",
  header: "Colour",
  multiple: true,
  custom: true,
  options: [option("Red (Recommended)"), option("Green"), option("Blue")],
};
const size: Question = {
  question: "Which size?",
  header: "",
  multiple: false,
  custom: false,
  options: [option("S"), option("L")],
};

describe("an answer to structured questions", () => {
  test("names each answered question, in the order of the options, then what was typed", () => {
    const draft = { ...EMPTY_DRAFT, chosen: [["Blue", "Red (Recommended)"], ["L"]], typed: [" or teal "] };
    expect(composeAnswer([colour, size], draft)).toBe(
      "Q: Colour\nA: Red, Blue, or teal\n\nQ: Which size?\nA: L",
    );
  });

  test("leaves out what was not answered", () => {
    expect(composeAnswer([colour, size], { ...EMPTY_DRAFT, chosen: [[], ["S"]] })).toBe(
      "Q: Which size?\nA: S",
    );
  });

  test("with nothing chosen and only blanks typed is not sendable", () => {
    expect(composeAnswer([colour, size], { ...EMPTY_DRAFT, chosen: [[], []], typed: ["  "] })).toBe("");
  });

  test("ignores text where none is asked for", () => {
    expect(composeAnswer([size], { ...EMPTY_DRAFT, typed: ["XL"] })).toBe("");
  });

  test("takes text where there is nothing to choose from", () => {
    const open = { ...size, options: [] };
    expect(composeAnswer([open], { ...EMPTY_DRAFT, typed: ["XL"] })).toBe("Q: Which size?\nA: XL");
  });

  test("cuts the recommendation from the end of a label only", () => {
    const odd = { ...size, options: [option("(Recommended) way"), option("B  (recommended) ")] };
    const draft = { ...EMPTY_DRAFT, chosen: [["(Recommended) way"]] };
    expect(composeAnswer([odd], draft)).toBe("Q: Which size?\nA: (Recommended) way");
    expect(composeAnswer([odd], { ...EMPTY_DRAFT, chosen: [["B  (recommended) "]] })).toBe(
      "Q: Which size?\nA: B",
    );
  });
});

describe("an answer to a plain question", () => {
  test("is the text as typed, and blanks are not sendable", () => {
    expect(composeAnswer([], { ...EMPTY_DRAFT, text: " yes\n" })).toBe(" yes\n");
    expect(composeAnswer([], { ...EMPTY_DRAFT, text: " \n" })).toBe("");
  });
});

describe("choosing", () => {
  test("one of several replaces, many of several adds, twice takes back", () => {
    expect(choose(size, ["S"], "L")).toEqual(["L"]);
    expect(choose(colour, ["Blue"], "Green")).toEqual(["Blue", "Green"]);
    expect(choose(size, ["S"], "S")).toEqual([]);
    expect(choose(colour, ["Blue", "Green"], "Blue")).toEqual(["Green"]);
  });
});
