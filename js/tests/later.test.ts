import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FakeKernel } from "./fake-model";
import { patch, pending, raw } from "./helpers";
import { settle, usePage } from "./page";

const page = usePage();
const card = () => page.find("article.imc-card") as HTMLElement;
const box = () => card().querySelector("textarea") as HTMLTextAreaElement;
const heads = () => [...page.host.querySelectorAll(".imc-queue-head")].map((item) => item.textContent);
const show = async (...messages: unknown[]) => {
  await page.open(messages);
  page.button("Pending only")?.click();
  await settle();
};
const press = async (name: string, within: Element = page.host) => {
  page.button(name, within)?.click();
  await settle();
};

describe("a request that is put off", () => {
  test("leaves the queue and is back after its time, over a reload as well", async () => {
    await show(pending(1), pending(2, { agent_name: "other" }));
    await press("Snooze 10 minutes", card());
    expect(card().ariaLabel).toBe("Question from other on Work");
    expect(heads()).toEqual(["Snoozed"]);
    const later = Date.now() + 11 * 60_000;
    await page.reload([pending(1), pending(2, { agent_name: "other" })]);
    await press("Pending only");
    expect(heads()).toEqual(["Snoozed"]);
    vi.spyOn(Date, "now").mockReturnValue(later);
    await page.reload([pending(1)]);
    await press("Pending only");
    expect(heads()).toEqual([]);
    expect(card().ariaLabel).toBe("Question from claude-code on Work");
  });

  test("is back before its deadline, and cannot be put off beyond that", async () => {
    const now = Date.now();
    const soon = pending(1, { deadline: now + 60_000 });
    const inTime = pending(2, { agent_name: "other", deadline: now + 5 * 60_000 });
    await page.open([soon, inTime], { now });
    await press("Pending only");
    expect(page.button("Snooze 1 hour", card())).toBeUndefined();
    await press("Next pending");
    await press("Next pending");
    await press("Snooze 1 hour", card());
    expect(heads()).toEqual(["Snoozed"]);
    const stored = JSON.parse(localStorage.getItem("ipymultichat.snoozes") ?? "[]");
    expect(stored).toEqual([]);
    page.close();
    const [[id, time]] = JSON.parse(localStorage.getItem("ipymultichat.snoozes") ?? "[]");
    expect(id).toBe("m2");
    expect(Math.abs(time - now - 3 * 60_000)).toBeLessThan(30_000);
  });

  test("that is nobody's business here is put away in the kernel", async () => {
    await show(pending(1));
    await press("Not mine", card());
    expect(page.kernel.commands("discard").map((item) => item.args)).toEqual([{ message_id: "m1" }]);
  });
});

describe("an answer that can be undone", () => {
  beforeEach(() => {
    localStorage.setItem("ipymultichat", JSON.stringify({ undoSeconds: 5 }));
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"], shouldAdvanceTime: true });
  });
  afterEach(() => vi.useRealTimers());

  test("goes out after its seconds", async () => {
    await page.open([pending(1)]);
    await page.type(box(), "yes");
    await press("Reply", card());
    expect(card().textContent).toContain("It goes out in a moment.");
    expect(page.kernel.commands("reply")).toEqual([]);
    await vi.advanceTimersByTimeAsync(5_100);
    expect(page.kernel.commands("reply")[0]?.args).toEqual({ message_id: "m1", text: "yes" });
  });

  test("does not once it is undone, and is in its box again", async () => {
    await page.open([pending(1)]);
    await page.type(box(), "yes");
    await press("Reply", card());
    await press("Undo", card());
    await vi.advanceTimersByTimeAsync(6_000);
    expect(page.kernel.commands("reply")).toEqual([]);
    expect([box().value, box().readOnly]).toEqual(["yes", false]);
  });
});

describe("an answer for a server that cannot be reached", () => {
  test("says what it waits for, and is taken back to be edited", async () => {
    const down = { server_id: "s2", server_name: "Home" };
    await page.open([raw(1, { ...down, status: "sending", draft: "yes" })]);
    expect(card().textContent).toContain("Home cannot be reached: refused.");
    expect(card().textContent).toContain("offline");
    await press("Take back", card());
    expect(page.kernel.commands("take_back").map((item) => item.args)).toEqual([{ message_id: "m1" }]);
    page.kernel.answer(page.kernel.commands("take_back")[0]);
    page.kernel.tell(patch(2, [pending(1, { ...down, draft: "yes" })]));
    await settle();
    expect([box().value, box().readOnly]).toEqual(["yes", false]);
  });

  test("of one that is there cannot be taken back", async () => {
    await page.open([raw(1, { status: "sending" })]);
    expect(card().textContent).toContain("Sending…");
    expect(page.button("Take back")).toBeUndefined();
  });
});

test("the title of the tab counts what waits, and says when somebody's time is nearly over", async () => {
  document.title = "Untitled.ipynb";
  page.kernel.traits.pending_count = 2;
  const now = Date.now();
  await page.open([pending(1, { deadline: now + 90_000 }), pending(2)], { now });
  expect(document.title).toBe("(2) Untitled.ipynb");
  document.head.querySelector("title")?.replaceChildren("Other.ipynb");
  await settle();
  expect(document.title).toBe("(2) Other.ipynb");
  page.kernel.tell(patch(2, [pending(3, { deadline: now + 30_000 })], { now }));
  page.kernel.set("pending_count", 3);
  expect(document.title).toBe("(3!) Other.ipynb");
  page.close();
  expect(document.title).toBe("Other.ipynb");
});

test("inboxes of two kernels, each with a copy of the code, share the title and leave each other in peace", async () => {
  document.title = "Untitled.ipynb";
  page.kernel.traits.pending_count = 2;
  await page.open([pending(1), pending(2)]);
  vi.resetModules();
  const { default: makeOther } = await import("../src/index");
  const other = new FakeKernel();
  other.traits.pending_count = 1;
  page.ends.push(makeOther().initialize({ model: other.model() }));
  let writes = 0;
  const watch = new MutationObserver((changes) => {
    writes += changes.length;
    if (writes > 20) watch.disconnect();
  });
  watch.observe(document.head, { childList: true, subtree: true, characterData: true });
  page.kernel.set("pending_count", 3);
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
  expect(document.title).toBe("(4) Untitled.ipynb");
  expect(writes).toBeLessThan(5);
  watch.disconnect();
});
