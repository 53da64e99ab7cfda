import { describe, expect, test } from "vitest";
import { patch, pending, raw, reply } from "./helpers";
import { settle, usePage } from "./page";

const page = usePage();

const question = (n: number, change: object = {}) =>
  pending(n, { text: `Question ${n}?`, agent_name: `agent ${n}`, ...change });
const CHOICE = { question: "Format?", header: "", multiple: false, custom: false };
const formats = {
  options: [{ ...CHOICE, options: ["CSV", "XML"].map((label) => ({ label, description: "" })) }],
};

/** Lines in order: their text, "*" before the one that is open. */
const lines = () =>
  [...page.host.querySelectorAll("article")].map((item) => {
    const open = item.classList.contains("imc-card");
    return `${open ? "*" : ""}${item.querySelector(".imc-line-text, .imc-body")?.textContent?.trim()}`;
  });
const opened = () => page.find("article.imc-card") as HTMLElement;
const show = async (...messages: unknown[]) => {
  await page.open(messages);
  page.button("Pending only")?.click();
  await settle();
};
const press = async (key: string, init: object = {}) => {
  const target = document.activeElement ?? document.body;
  target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init }));
  await settle();
};
const answer = async (text: string) => {
  await page.type(opened().querySelector("textarea") as HTMLTextAreaElement, text);
  page.button("Reply", opened())?.click();
  await settle();
};
const selectBox = (place: number) =>
  page.host.querySelectorAll<HTMLInputElement>("input[aria-label=Select]")[place] as HTMLInputElement;

describe("the queue", () => {
  test("has least time left first, then the oldest; the first is open", async () => {
    await show(
      question(1),
      question(2, { deadline: 90_000 }),
      question(3, { deadline: 60_000 }),
      question(4),
    );
    expect(lines()).toEqual(["*Question 3?", "Question 2?", "Question 1?", "Question 4?"]);
  });

  test("names the nearest deadline in the header", async () => {
    page.kernel.traits.pending_count = 2;
    await page.open([question(1), question(2, { deadline: 60_000 })]);
    expect(page.named("Pending only").textContent).toMatch(/^Pending 2 · next 0:\d\d$/);
  });

  test("keeps open what is being answered, whatever comes in before it", async () => {
    await show(question(1));
    page.kernel.tell(patch(2, [question(2, { deadline: 60_000 })]));
    await settle();
    expect(lines()).toEqual(["Question 2?", "*Question 1?"]);
  });

  test("opens the next one after an answer, with the focus in its box", async () => {
    await show(question(1), question(2), question(3));
    await answer("yes");
    expect(lines()).toEqual(["*Question 2?", "Question 3?", "Question 1?"]);
    expect(document.activeElement).toBe(opened().querySelector("textarea"));
    page.kernel.tell(patch(2, [raw(1, { text: "Question 1?", reply: reply("yes") })]));
    await settle();
    expect(page.host.querySelectorAll("article")[2]?.textContent).toContain("replied");
  });

  test("keeps the focus when the last one is answered", async () => {
    await show(question(1));
    await answer("yes");
    expect(document.activeElement).toBe(page.named("Messages"));
  });

  test("has an answer that failed among what waits again", async () => {
    await show(question(1), question(2));
    await answer("yes");
    page.kernel.answer(page.kernel.commands("reply")[0], { ok: false, error: "Too late." });
    await settle();
    expect(lines()).toEqual(["Question 1?", "*Question 2?"]);
  });

  test("counts by server and project, each a filter", async () => {
    await show(question(1), question(2), question(3, { server_id: "s2", project_directory: "/home/me/api" }));
    const tallies = [...page.host.querySelectorAll(".imc-tally")].map((item) => item.textContent);
    expect(tallies).toEqual(["Work 2", "Home 1", "p 2", "api 1"]);
    page.host.querySelectorAll<HTMLElement>(".imc-tally")[3]?.click();
    await settle();
    expect(lines()).toEqual(["*Question 3?"]);
  });

  test("groups by agent", async () => {
    await show(
      question(1, { agent_name: "a" }),
      question(2, { agent_name: "b" }),
      question(3, { agent_name: "a" }),
    );
    await page.type(page.named<HTMLSelectElement>("Group by"), "agent_name");
    expect(lines()).toEqual(["*Question 1?", "Question 3?", "Question 2?"]);
    expect([...page.host.querySelectorAll(".imc-queue-head")].map((item) => item.textContent)).toEqual([
      "a 2",
      "b 1",
    ]);
  });

  test("draws no more lines than can be looked at, until they are wanted", async () => {
    await show(...Array.from({ length: 130 }, (_, n) => question(n)));
    expect(lines()).toHaveLength(100);
    page.button("Show 30 more")?.click();
    await settle();
    expect(lines()).toHaveLength(130);
  });
});

describe("keys", () => {
  test("go to the most urgent from anywhere, in the list by time as well, and on from box to box", async () => {
    await page.open([question(1), question(2, { deadline: 60_000 }), raw(3)]);
    page.named<HTMLInputElement>("Search messages").focus();
    await press("ArrowDown", { altKey: true });
    const focused = () => document.activeElement?.closest("article")?.getAttribute("data-id");
    expect([focused(), document.activeElement?.tagName]).toEqual(["m2", "TEXTAREA"]);
    await press("ArrowDown", { altKey: true });
    expect(focused()).toBe("m1");
    await press("ArrowUp", { altKey: true });
    expect(focused()).toBe("m2");
    await press("Escape");
    expect(document.activeElement).toBe(page.article("Question from agent 2 on Work"));
  });

  test("of one letter do nothing in a text field", async () => {
    await show(question(1), question(2));
    opened().querySelector("textarea")?.focus();
    for (const key of ["j", "x", "1", "?"]) await press(key);
    expect(lines()).toEqual(["*Question 1?", "Question 2?"]);
    expect([page.find("[role=dialog]"), page.find("input:checked")]).toEqual([null, null]);
  });

  test("walk the queue, answer, select and show the sheet, where each has a button", async () => {
    await show(question(1), question(2));
    opened().focus();
    await press("j");
    expect(lines()).toEqual(["Question 1?", "*Question 2?"]);
    await press("x");
    expect(selectBox(1).checked).toBe(true);
    await press("k");
    expect(document.activeElement).toBe(page.article("Question from agent 1 on Work"));
    await press("r");
    expect(document.activeElement).toBe(opened().querySelector("textarea"));
    await press("Escape");
    await press("?");
    const sheet = page.named("Keyboard shortcuts");
    const listed = [...(page.find("[role=dialog]")?.querySelectorAll("kbd") ?? [])].map(
      (item) => item.textContent,
    );
    expect(sheet).toBeDefined();
    expect(listed).toEqual(
      expect.arrayContaining(["j", "k", "r", "1", "9", "x", "Alt+↓", "Alt+↑", "Ctrl+Enter"]),
    );
    page.button("Next one")?.click();
    await settle();
    expect(lines()).toEqual(["Question 1?", "*Question 2?"]);
  });

  test("of digits choose options", async () => {
    await show(pending(1, { text: "", ...formats }));
    opened().focus();
    await press("2");
    page.button("Reply", opened())?.click();
    await settle();
    expect(page.kernel.commands("reply")[0]?.args).toMatchObject({ text: "Q: Format?\nA: XML" });
  });
});

describe("answering many", () => {
  const click = async (place: number, shiftKey = false) => {
    selectBox(place).dispatchEvent(new MouseEvent("click", { bubbles: true, shiftKey }));
    await settle();
  };
  const dialog = () => page.find("[role=dialog]") as HTMLElement;

  test("lists what goes where, and sends to each", async () => {
    const reports = [1, 2, 3, 4].map((n) => question(n, { kind: "report" }));
    await show(...reports);
    await click(0);
    await click(2, true);
    page.button("Answer selected")?.click();
    await settle();
    expect([...dialog().querySelectorAll("li")].map((item) => item.textContent)).toEqual(
      [1, 2, 3].map((n) => `Workagent ${n}Question ${n}?`),
    );
    expect(page.kernel.commands("confirm")).toHaveLength(0);
    page.button("Confirm", dialog())?.click();
    await settle();
    expect(page.kernel.commands("confirm").map((item) => item.args)).toEqual(
      ["m1", "m2", "m3"].map((message_id) => ({ message_id, text: "" })),
    );
    expect(lines()).toEqual(["*Question 4?", "Question 1?", "Question 2?", "Question 3?"]);
    expect(page.button("Answer selected")).toBeUndefined();
  });

  test("puts structured questions with their like only", async () => {
    await show(question(1), question(2, formats), question(3, formats), question(4));
    await click(1);
    expect([0, 1, 2, 3].map((place) => selectBox(place).disabled)).toEqual([true, false, false, true]);
    await click(2);
    page.button("Answer selected")?.click();
    await settle();
    dialog().querySelector<HTMLInputElement>("input[type=radio]")?.click();
    await settle();
    page.button("Reply", dialog())?.click();
    await settle();
    expect(page.kernel.commands("reply").map((item) => item.args)).toMatchObject(
      ["m2", "m3"].map((message_id) => ({ message_id, text: "Q: Format?\nA: CSV" })),
    );
  });

  test("never sends a question without words, and lets go of one that is over", async () => {
    await show(question(1), question(2));
    await click(0);
    await click(1);
    page.button("Answer selected")?.click();
    await settle();
    page.button("Reply", dialog())?.click();
    page.kernel.tell(patch(2, [raw(2, { status: "expired" })]));
    await settle();
    expect(page.kernel.commands("reply")).toHaveLength(0);
    expect(dialog().querySelectorAll("li")).toHaveLength(1);
  });
});
