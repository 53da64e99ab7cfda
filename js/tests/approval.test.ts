import { describe, expect, test } from "vitest";
import { answerOf, argumentRows, decisionIn, diffLines } from "../src/approval";
import { message, patch, pending, raw, reply } from "./helpers";
import { settle, usePage } from "./page";

const option = (label: string) => ({ label, description: "" });
const QUESTION = {
  question: "Allow it?",
  header: "Approval",
  multiple: false,
  custom: true,
  options: [option("Allow"), option("Deny")],
};
const GIVEN = '{\n  "query": "drop table t",\n  "opts": {\n    "force": true\n  }\n}';
const APPROVAL = { tool_name: "sql", arguments: GIVEN, diff: "-a\n+b\n c", action: "Drop **it**." };
const asks = (change: object = {}, of: object = {}) => ({
  text: "all of it, plainly",
  options: [QUESTION],
  approval: { ...APPROVAL, ...of },
  ...change,
});

const page = usePage();
const card = () => page.article("Approval from claude-code on Work") as HTMLElement;
const box = (name: string) => card().querySelector(`[aria-label="${name}"]`) as HTMLTextAreaElement;
const sent = () => page.kernel.commands("reply").map((item) => item.args);
const press = async (name: string) => {
  page.button(name, card())?.click();
  await settle();
};
const key = async (target: Element, change: object = {}) => {
  target.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, ...change }));
  await settle();
};

describe("a card of an approval", () => {
  test("shows action, tool, arguments and change in place of the plain text", async () => {
    await page.open([pending(1, asks())]);
    expect(card().textContent).not.toContain("all of it, plainly");
    expect(card().querySelector(".imc-markdown strong")?.textContent).toBe("it");
    expect(card().querySelector(".imc-tool code")?.textContent).toBe("sql");
    const rows = [...card().querySelectorAll("tr")].map((row) => [...row.children].map((c) => c.textContent));
    expect(rows).toEqual([
      ["query", "drop table t"],
      ["opts", '{\n  "force": true\n}'],
    ]);
    expect(card().querySelector("del")?.textContent).toBe("-a");
    expect(card().querySelector("ins")?.textContent).toBe("+b");
  });

  test("shows the plain text as it was written on demand", async () => {
    await page.open([pending(1, asks())]);
    await press("Show source");
    expect(card().querySelector(".imc-raw")?.textContent).toBe("all of it, plainly");
    expect(card().querySelector("table")).toBeNull();
  });

  test("folds a long value, and says how many lines of a long change are left", async () => {
    const diff = Array.from({ length: 45 }, (_, n) => `+line ${n}`).join("\n");
    await page.open([pending(1, asks({}, { arguments: `{"text":"${"x".repeat(300)}"}`, diff }))]);
    expect(card().querySelector("summary")?.textContent).toBe(`${"x".repeat(80)}…`);
    expect(card().querySelector("details")?.open).toBe(false);
    expect(card().querySelectorAll("ins")).toHaveLength(40);
    await press("Show 5 more lines");
    expect(card().querySelectorAll("ins")).toHaveLength(45);
  });

  test.each([
    ["Q: Approval\nA: Allow", "Allowed"],
    ["Q: Approval\nA: Deny, use the copy", "Denied: use the copy"],
    ["Q: Approval\nA: ask bob", "Q: Approval\nA: ask bob"],
  ])("that was answered %j is short, the rest on a click", async (text, words) => {
    await page.open([raw(1, asks({ reply: reply(text) }))]);
    expect(card().querySelector(".imc-reply-text")?.textContent).toBe(words);
    expect([card().querySelector("table"), card().querySelector("ins")]).toEqual([null, null]);
    await press("Show more");
    expect(card().querySelector("table")).not.toBeNull();
  });
});

describe("a decision", () => {
  test("is sent by its button, once, and leaves nothing unsent", async () => {
    await page.open([pending(1, asks())]);
    await press("Allow");
    await press("Deny");
    expect(sent()).toEqual([{ message_id: "m1", text: "Q: Approval\nA: Allow" }]);
    page.kernel.answer(page.kernel.commands("reply")[0]);
    page.kernel.tell(patch(2, [raw(1, asks({ reply: reply("Q: Approval\nA: Allow") }))]));
    await settle();
    expect(card().querySelector(".imc-unsent")).toBeNull();
  });

  test("to deny takes the reason along", async () => {
    await page.open([pending(1, asks())]);
    await page.type(box("Your answer"), "use the copy");
    await press("Deny");
    expect(sent()).toEqual([{ message_id: "m1", text: "Q: Approval\nA: Deny, use the copy" }]);
  });

  test("is never made by a key in a box, empty or not", async () => {
    await page.open([pending(1, asks())]);
    const reason = box("Your answer");
    for (const change of [{}, { ctrlKey: true }, { metaKey: true }]) await key(reason, change);
    await page.type(reason, "why");
    await key(reason, { ctrlKey: true });
    expect(document.activeElement?.textContent).toBe("Deny");
    await press("Edit");
    await key(box("Arguments (JSON)"), { ctrlKey: true });
    expect(sent()).toEqual([]);
  });

  test("goes with the arguments that the person changed", async () => {
    await page.open([pending(1, asks())]);
    await press("Edit");
    expect(box("Arguments (JSON)").value).toBe(GIVEN);
    await page.type(box("Arguments (JSON)"), '{"query": "select 1"}');
    await press("Allow");
    const text = 'Q: Approval\nA: Allow, ```json\n{"query": "select 1"}\n```';
    expect(sent()).toEqual([{ message_id: "m1", text }]);
  });

  test.each(["", "[1]", '{"query": ', "null"])(
    "with arguments %j is not sent, and says why",
    async (typed) => {
      await page.open([pending(1, asks())]);
      await press("Edit");
      await page.type(box("Arguments (JSON)"), typed);
      await press("Allow");
      expect(sent()).toEqual([]);
      expect(card().querySelector("[role=alert]")?.textContent).toContain("not a JSON object");
      await press("Edit");
      await press("Allow");
      expect(sent()).toEqual([{ message_id: "m1", text: "Q: Approval\nA: Allow" }]);
    },
  );

  test("to deny does not take changed arguments along", () => {
    const asked = message(1, asks());
    const draft = { text: "", chosen: [["Deny"]], typed: ["no", '{"a": 1}'] };
    expect(answerOf(asked, draft)).toBe("Q: Approval\nA: Deny, no");
    const fence = { ...draft, chosen: [["Allow"]], typed: ["once", '{"a": "```"}'] };
    expect(answerOf(asked, fence)).toBe('Q: Approval\nA: Allow, ````json\n{"a": "```"}\n````\n\nonce');
  });
});

test("a choice that only begins like one is no decision", () => {
  expect(decisionIn("Q: Approval\nA: Allowing that would be mad")).toBeNull();
  expect(decisionIn('Q: Approval\nA: Allow, ```json\n{"a": 1}\n```')?.words).toBe('{"a": 1}');
});

test("lines of a change are told by their hunk, so that no removed line looks like a head", () => {
  const diff = "--- a/x\n+++ b/x\n@@ -1,2 +1 @@\n--- old\n same\n\\ No newline at end of file\n";
  expect(diffLines(diff)).toEqual([
    { kind: "head", text: "--- a/x" },
    { kind: "head", text: "+++ b/x" },
    { kind: "head", text: "@@ -1,2 +1 @@" },
    { kind: "removed", text: "-- old" },
    { kind: "context", text: "same" },
    { kind: "head", text: "\\ No newline at end of file" },
  ]);
});

test.each([['{"n": 12345678901234567890}'], ['{"a": 1, "a": 2}'], ['{"n": 1.0}'], ["[1]"], ["nothing"]])(
  "arguments %s, which a table would tell wrongly, are no table",
  (text) => {
    expect(argumentRows(text)).toBeNull();
  },
);
