import { describe, expect, test } from "vitest";
import { patch, pending, raw, reply } from "./helpers";
import { settle, usePage } from "./page";

const page = usePage();

const card = () =>
  (page.find("article:has(textarea)") ?? page.article("Question from claude-code on Work")) as HTMLElement;
const box = () => card().querySelector("textarea") as HTMLTextAreaElement;

describe("an answer", () => {
  test("stays in its box until it is known to have arrived", async () => {
    await page.open([pending(1)]);
    await page.type(box(), "yes");
    page.button("Reply", card())?.click();
    await settle();
    expect(page.kernel.commands("reply")[0]?.args).toEqual({ message_id: "m1", text: "yes" });
    expect(card().textContent).toContain("sending");
    expect(box().value).toBe("yes");
    page.kernel.answer(page.kernel.commands("reply")[0]);
    page.kernel.tell(patch(2, [raw(1, { status: "sending" })]));
    await settle();
    expect(box().value).toBe("yes");
    page.kernel.tell(patch(3, [raw(1, { reply: reply("yes") })]));
    await settle();
    expect(card().querySelector("textarea")).toBeNull();
    expect(card().textContent).toContain("replied");
  });

  test("is sent once, however often the button is pressed", async () => {
    await page.open([pending(1)]);
    await page.type(box(), "yes");
    for (let i = 0; i < 3; i += 1) page.button("Reply", card())?.click();
    await settle();
    expect(page.kernel.commands("reply")).toHaveLength(1);
  });

  test("that the kernel refuses says why and can be sent again", async () => {
    await page.open([pending(1)]);
    await page.type(box(), "yes");
    page.button("Reply", card())?.click();
    await settle();
    page.kernel.answer(page.kernel.commands("reply")[0], { ok: false, error: "Too late." });
    await settle();
    expect(card().querySelector("[role=alert]")?.textContent).toBe("Too late.");
    page.button("Reply", card())?.click();
    await settle();
    expect(page.kernel.commands("reply")).toHaveLength(2);
  });

  test("without words is not sent, but a report is confirmed without any", async () => {
    await page.open([pending(1), pending(2, { kind: "report" })]);
    page.button("Reply")?.click();
    page.button("Confirm")?.click();
    await settle();
    expect(page.kernel.commands("reply")).toHaveLength(0);
    expect(page.kernel.commands("confirm")[0]?.args).toEqual({ message_id: "m2", text: "" });
  });

  test("given by somebody else leaves the typed text to be copied", async () => {
    await page.open([pending(1)]);
    await page.type(box(), "my words");
    page.kernel.tell(patch(2, [raw(1, { reply: reply("theirs", { by: "bob", mine: false }) })]));
    await settle();
    expect(card().textContent).toContain("theirs");
    expect(card().textContent).toContain("my words");
    page.button("Delete text", card())?.click();
    await settle();
    expect(card().textContent).not.toContain("my words");
  });

  test.each(["cancelled", "expired"])("to a question that is %s stays to be copied", async (status) => {
    await page.open([pending(1)]);
    await page.type(box(), "my words");
    page.kernel.tell(patch(2, [raw(1, { status })]));
    await settle();
    expect(card().textContent).toContain("Your text, not sent:my words");
    expect(page.button("Copy", card())).toBeDefined();
  });

  test("that only the kernel still has is shown as not sent, and cannot be deleted here", async () => {
    await page.open([raw(1, { status: "cancelled", draft: "from before" })]);
    expect(card().textContent).toContain("Your text, not sent:from before");
    expect(page.button("Copy", card())).toBeDefined();
    expect(page.button("Delete text", card())).toBeUndefined();
  });

  test("that was delivered is not shown as not sent as well", async () => {
    await page.open([raw(1, { reply: reply("yes"), draft: "yes" })]);
    expect(card().textContent).not.toContain("not sent");
  });

  test("being typed leaves the other cards as they are", async () => {
    await page.open([pending(1), pending(2, { agent_name: "other" })]);
    await page.type(box(), "for this one");
    const other = page.article("Question from other on Work");
    expect(other?.querySelector("textarea")?.value).toBe("");
    expect(page.button("Reply", card())?.ariaDisabled).toBe("false");
    expect(page.button("Reply", other as Element)?.ariaDisabled).toBe("true");
  });
});

test("what the kernel refused is forgotten with its message", async () => {
  await page.open([pending(1)]);
  await page.type(box(), "yes");
  page.button("Reply", card())?.click();
  await settle();
  page.kernel.answer(page.kernel.commands("reply")[0], { ok: false, error: "Too late." });
  await settle();
  page.kernel.tell(patch(2, [], { remove: ["m1"] }));
  page.kernel.tell(patch(3, [pending(1)]));
  await settle();
  expect(card().querySelector("[role=alert]")).toBeNull();
  expect(box().value).toBe("yes");
});

describe("an answer that failed", () => {
  const failed = (change: object = {}) =>
    raw(1, { status: "failed", error: "Nobody took it.", draft: "words", ...change });

  test("says why, has its text again, and goes out again", async () => {
    await page.open([failed()]);
    expect(card().querySelector("[role=alert]")?.textContent).toBe("Nobody took it.");
    expect(box().value).toBe("words");
    page.button("Reply", card())?.click();
    await settle();
    expect(page.kernel.commands("reply")[0]?.args).toEqual({ message_id: "m1", text: "words" });
    expect(card().querySelector(".imc-status")?.textContent).toBe("sending");
  });

  test("is put away, and its text stays to be copied", async () => {
    await page.open([failed()]);
    page.button("Discard", card())?.click();
    page.button("Discard", card())?.click();
    await settle();
    expect(page.kernel.commands("discard").map((item) => item.args)).toEqual([{ message_id: "m1" }]);
    page.kernel.answer(page.kernel.commands("discard")[0]);
    page.kernel.tell(patch(2, [failed({ status: "cancelled", error: "" })]));
    await settle();
    expect(card().querySelector(".imc-status")?.textContent).toBe("cancelled");
    expect(card().textContent).toContain("Your text, not sent:words");
    expect(page.button("Discard", card())).toBeUndefined();
  });

  test("that cannot be put away says why, in place of why it failed", async () => {
    await page.open([failed()]);
    page.button("Discard", card())?.click();
    await settle();
    page.kernel.answer(page.kernel.commands("discard")[0], { ok: false, error: "It was answered." });
    await settle();
    expect(card().querySelector("[role=alert]")?.textContent).toBe("It was answered.");
  });

  test("is the only one that can be put away", async () => {
    await page.open([pending(1)]);
    expect(page.button("Discard")).toBeUndefined();
  });
});

describe("a chat message of mine that failed", () => {
  const chat = (change: object = {}) =>
    raw(1, {
      kind: "chat",
      status: "failed",
      mine: true,
      receiver: "ada",
      error: "ada has left.",
      ...change,
    });
  const chatCard = () => page.article("Chat with ada@Work") as HTMLElement;

  test.each([
    ["Retry", "send"],
    ["Discard", "discard"],
  ])("says why; %s asks the kernel to %s it", async (name, command) => {
    await page.open([chat()]);
    expect(chatCard().querySelector("[role=alert]")?.textContent).toBe("ada has left.");
    page.button(name, chatCard())?.click();
    expect(page.kernel.commands(command).map((item) => item.args)).toEqual([{ message_id: "m1" }]);
  });

  test("shows neither button once it is cancelled, and keeps its text", async () => {
    await page.open([chat({ status: "cancelled" })]);
    expect(chatCard().textContent).toContain("text 1");
    for (const name of ["Retry", "Discard"]) expect(page.button(name, chatCard())).toBeUndefined();
  });
});

describe("pending only", () => {
  const names = () =>
    [...page.host.querySelectorAll("article :is(.imc-body, .imc-line-text)")].map((item) =>
      item.textContent?.trim(),
    );
  const show = async (messages: unknown[]) => {
    await page.open(messages);
    page.button("Pending only")?.click();
    await settle();
  };

  test("shows the requests that are open, and no chat", async () => {
    const statuses = ["pending", "sending", "failed", "replied", "expired", "cancelled"];
    const chat = raw(9, { kind: "chat", status: "failed", mine: true, receiver: "ada" });
    await show([...statuses.map((status, n) => raw(n, { status, text: status })), chat]);
    expect(names()).toEqual(["pending", "failed", "sending"]);
  });

  test("keeps one that ends while its answer is typed, or was sent from here", async () => {
    await show([pending(1), pending(2), pending(3)]);
    const open = (place: number) => page.host.querySelectorAll<HTMLElement>(".imc-line-open")[place]?.click();
    await page.type(box(), "half");
    open(0);
    await settle();
    await page.type(box(), "yes");
    page.button("Reply")?.click();
    await settle();
    page.kernel.tell(
      patch(2, [
        raw(1, { status: "expired" }),
        raw(2, { reply: reply("yes") }),
        raw(3, { status: "cancelled" }),
      ]),
    );
    await settle();
    expect(names()).toEqual(["text 1", "text 2"]);
  });

  test("leaves out what ended before, whatever was typed for it", async () => {
    await page.open([pending(1)]);
    await page.type(box(), "half");
    page.kernel.tell(patch(2, [raw(1, { status: "expired" })]));
    page.button("Pending only")?.click();
    await settle();
    expect(names()).toEqual([]);
  });

  test("lets go of one whose answer was given up", async () => {
    await show([pending(1)]);
    await page.type(box(), "yes");
    page.button("Reply", card())?.click();
    await settle();
    page.kernel.answer(page.kernel.commands("reply")[0]);
    const failed = { status: "failed", draft: "yes" };
    page.kernel.tell(patch(2, [raw(1, failed)]));
    await settle();
    page.button("Discard", card())?.click();
    await settle();
    page.kernel.answer(page.kernel.commands("discard")[0]);
    page.kernel.tell(patch(3, [raw(1, { ...failed, status: "cancelled" })]));
    await settle();
    expect(names()).toEqual([]);
  });
});

describe("how a card was switched", () => {
  test("is remembered for each message, and forgotten with it", async () => {
    await page.open([raw(1), raw(2, { agent_name: "other" })]);
    page.button("Show source", card())?.click();
    await settle();
    expect(page.button("Show formatted", card())).toBeDefined();
    expect(
      page.button("Show formatted", page.article("Question from other on Work") as Element),
    ).toBeUndefined();
    page.kernel.tell(patch(2, [], { remove: ["m1"] }));
    page.kernel.tell(patch(3, [raw(1)]));
    await settle();
    expect(page.button("Show source", card())).toBeDefined();
  });
});

describe("what the server says of the agent", () => {
  const chips = () => [...card().querySelectorAll(".imc-status")].map((chip) => chip.textContent);

  test("that it is away stands beside the status of what waits, and says that the answer is kept", async () => {
    await page.open([pending(1, { agent_state: "away" })]);
    expect(chips()).toEqual(["its agent is away", "pending"]);
    expect(card().querySelector<HTMLElement>(".imc-status")?.title).toBe(
      "It lost its connection. Your answer is kept for it.",
    );
    page.kernel.tell(patch(2, [pending(1)]));
    await settle();
    expect(chips()).toEqual(["pending"]);
  });

  test("what became of an answer stands in place of its status", async () => {
    await page.open([raw(1, { reply: reply("yes"), agent_state: "kept" })]);
    expect(chips()).toEqual(["kept for the agent"]);
    page.kernel.tell(patch(2, [raw(1, { reply: reply("yes"), agent_state: "fetched" })]));
    await settle();
    expect(chips()).toEqual(["fetched by the agent"]);
    page.kernel.tell(patch(3, [raw(1, { kind: "question", reply: reply("yes"), agent_state: "asleep" })]));
    await settle();
    expect(chips()).toEqual(["replied"]);
  });

  test("is nothing on what is not answered yet, or ended otherwise", async () => {
    await page.open([raw(1, { status: "sending", agent_state: "kept" })]);
    expect(chips()).toEqual(["sending"]);
    page.kernel.tell(patch(2, [raw(1, { status: "expired", agent_state: "away" })]));
    await settle();
    expect(chips()).toEqual(["expired"]);
  });
});

test("an answer that lost shows whose won, and the text to copy", async () => {
  const won = reply("no", { by: "bob", mine: false });
  await page.open([raw(1, { reply: won, error: "bob answered before", draft: "my own words" })]);
  for (const words of ["bob", "no", "bob answered before", "Answered by someone else", "my own words"])
    expect(card().textContent).toContain(words);
});

test("what a server says about itself stands beside its status", async () => {
  await page.open([]);
  const server = { id: "s1", label: "Work", url: "ws://w", enabled: true, state: "connected" };
  page.kernel.set("_servers", [{ ...server, notice: "The database cannot be reached." }]);
  page.button("1 of 2 servers connected")?.click();
  await settle();
  expect(page.named("Server connections").textContent).toContain("The database cannot be reached.");
  page.kernel.set("_servers", [{ ...server, notice: "" }]);
  await settle();
  expect(page.named("Server connections").textContent).not.toContain("database");
});
