import { describe, expect, test, vi } from "vitest";
import { patch, pending, raw } from "./helpers";
import { settle, usePage } from "./page";

const page = usePage();
const user = (nickname: string) => ({ server_id: "s1", client_id: nickname, nickname, connected_at: 1 });

describe("without its kernel the inbox", () => {
  test("shows no counts and no countdowns, which nobody keeps true", async () => {
    const now = Date.now();
    await page.open([pending(1, { deadline: now + 60_000 })], { now });
    expect(page.find("[role=timer]")).not.toBeNull();
    page.kernel.emit("comm:close");
    await settle();
    expect(page.find("[role=timer]")).toBeNull();
    expect(page.find(".imc-badge")?.ariaLabel).toBe("No kernel");
    expect(page.find(".imc-badge")?.textContent).toBe("–");
    expect(page.named("Pending only").textContent).not.toContain("next");
  });
});

describe("a conversation", () => {
  const chat = (n: number, mine: boolean) =>
    raw(n, {
      kind: "chat",
      mine,
      status: mine ? "sent" : "received",
      sender: mine ? "me" : "ada",
      receiver: mine ? "ada" : "me",
    });

  test("opens with the focus in its box, and repeats no names", async () => {
    await page.open([chat(1, false), chat(2, true)], { users: [user("ada")] });
    page.button("ada@Work")?.click();
    await settle();
    expect(document.activeElement).toBe(page.named("Message"));
    const [theirs, mine] = page.host.querySelectorAll("article");
    expect(theirs?.querySelector(".imc-head")?.textContent).not.toMatch(/ada|Work|chat/i);
    expect(mine?.querySelector(".imc-head")?.textContent).toContain("you");
    expect([theirs, mine].map((card) => card?.classList.contains("imc-mine"))).toEqual([false, true]);
  });

  test("is not begun by itself while agents wait: the chat box stands back, addressed to nobody", async () => {
    await page.open([pending(1)], { users: [user("ada")] });
    const to = page.named<HTMLSelectElement>("To");
    expect(to.selectedOptions[0]?.textContent).toBe("To…");
    expect(page.find(".imc-composer-quiet")).not.toBeNull();
    page.kernel.tell(patch(2, [raw(1, { status: "cancelled" })]));
    await settle();
    expect(to.selectedOptions[0]?.textContent).toBe("ada@Work");
    expect(page.find(".imc-composer-quiet")).toBeNull();
  });
});

describe("a notice that the browser refuses to show", () => {
  test("is not ticked, and says what to do", async () => {
    vi.stubGlobal("isSecureContext", false);
    await page.open([]);
    page.button("Settings")?.click();
    await settle();
    const box = page.named<HTMLInputElement>("Notification: questions");
    box.click();
    await settle();
    expect(box.checked).toBe(false);
    expect(page.find("[role=dialog] [role=alert]")?.textContent).toContain("https or localhost");
  });
});

test("a prefix alone is called a prefix", async () => {
  const preferences = { prefix: "In short:", suffix: "", confirmation: "", quick: [], snippets: [] };
  page.kernel.traits._settings = { nickname: "me", has_token: true, preferences };
  await page.open([pending(1)]);
  expect(page.find(".imc-wrap")?.textContent).toBe("With prefix");
});

test("a server that refuses the token has a field for another one right there", async () => {
  const server = { id: "s1", label: "Work", url: "ws://w", enabled: true, state: "error" };
  page.kernel.traits._servers = [{ ...server, error: "the server refused the login: unknown token" }];
  await page.open([]);
  page.button("1 of 2 servers connected")?.click();
  await settle();
  expect(page.find("[role=dialog] li input[type=password]")).not.toBeNull();
});
