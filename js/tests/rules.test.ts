import { describe, expect, test } from "vitest";
import { pending, raw, reply } from "./helpers";
import { settle, usePage } from "./page";

const page = usePage();

const auto = { id: 7, name: "auto", wanted: "kind='question'", matched: 3, paused: false };

describe("rules", () => {
  test("are listed with what they matched, and paused by a switch", async () => {
    await page.open([]);
    expect(page.find("ul[aria-label=Rules]")).toBeNull();
    page.kernel.set("_rules", [auto, { ...auto, id: 8, name: "other", paused: true }, { name: "no id" }]);
    await settle();
    const items = [...page.named("Rules").querySelectorAll("li")];
    expect(items.map((item) => item.textContent)).toEqual([
      "auto kind='question'3 matchedPaused",
      "other kind='question'3 matchedPaused",
    ]);
    const [first, second] = [...page.named("Rules").querySelectorAll<HTMLInputElement>("[role=switch]")];
    expect([first?.checked, second?.checked]).toEqual([false, true]);
    first?.click();
    await settle();
    expect(page.kernel.commands("pause_rule")[0]?.args).toEqual({ rule: 7, paused: true });
  });

  test("are named on what they answered, wrote, or failed to answer", async () => {
    const chat = { kind: "chat", server_id: "s1" };
    await page.open([
      raw(1, { status: "replied", reply: reply("yes"), rule: "auto" }),
      raw(2, { status: "replied", reply: reply("no", { by: "bob", mine: false }), rule: "auto" }),
      pending(3, { error: "the rule auto failed: ValueError: no idea" }),
      raw(4, { ...chat, status: "sent", mine: true, receiver: "ada", rule: "auto" }),
      raw(5, { ...chat, status: "received", sender: "ada", error: "the rule auto failed: KeyError: 1" }),
    ]);
    const words = [...page.host.querySelectorAll("article")].map((card) => card.textContent ?? "");
    const said = words.map((text) => text.match(/answered by the rule auto|the rule auto failed: \w+/)?.[0]);
    expect(said).toEqual([
      "answered by the rule auto",
      undefined,
      "the rule auto failed: ValueError",
      "answered by the rule auto",
      "the rule auto failed: KeyError",
    ]);
  });
});
