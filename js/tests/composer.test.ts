import { describe, expect, test } from "vitest";
import { patch } from "./helpers";
import { settle, usePage } from "./page";

const page = usePage();
const user = (nickname: string) => ({ server_id: "s1", client_id: nickname, nickname, connected_at: 1 });
const [ada, bob] = [user("ada"), user("bob")];
const box = () => page.named<HTMLTextAreaElement>("Message");
const to = () => page.named<HTMLSelectElement>("To");
const recipient = () => to().selectedOptions[0]?.textContent ?? "";
const alert = () => page.find(".imc-composer [role=alert]")?.textContent ?? "";
const sent = () => page.kernel.commands("send").map((item) => item.args);

let seq = 1;
let there: object[] = [];
async function online(...users: object[]) {
  seq += 1;
  page.kernel.tell(patch(seq, [], { users, users_gone: there.filter((user) => !users.includes(user)) }));
  there = users;
  await settle();
}
async function choose(name: string) {
  const option = [...to().options].find((item) => item.textContent === name);
  await page.type(to(), option?.value ?? "not in the list");
}
async function open(...users: object[]) {
  seq = 1;
  there = users;
  await page.open([], { users });
}

describe("a chat draft", () => {
  test("stays with the only person who was there, whoever comes when they leave", async () => {
    await open(ada);
    await page.type(box(), "between us");
    await online(bob);
    expect(recipient()).toBe("ada@Work (gone)");
    expect(box().value).toBe("between us");
    expect(alert()).toContain("ada@Work has left");
    expect(page.button("Send")?.disabled).toBe(true);
  });

  test("belongs to one recipient; another one chosen by hand has their own", async () => {
    await open(ada, bob);
    await choose("ada@Work");
    await page.type(box(), "for ada");
    await choose("bob@Work");
    expect(box().value).toBe("");
    await page.type(box(), "for bob");
    await choose("ada@Work");
    expect(box().value).toBe("for ada");
    page.button("Send")?.click();
    expect(sent()).toMatchObject([{ nickname: "ada", text: "for ada" }]);
    page.kernel.answer(page.kernel.commands("send")[0]);
    await settle();
    expect(box().value).toBe("");
    await choose("bob@Work");
    expect(box().value).toBe("for bob");
  });

  test("comes back after a reload with its recipient, also when only somebody else is there", async () => {
    await open(ada);
    await page.type(box(), "half a sentence");
    await page.reload([], { users: [bob] });
    expect(recipient()).toBe("ada@Work (gone)");
    expect(box().value).toBe("half a sentence");
  });

  test("that is typed before a recipient is chosen goes to whoever is then chosen, and to nobody by itself", async () => {
    await open(ada, bob);
    await page.type(box(), "to whom?");
    await online(bob);
    expect(recipient()).toBe("To…");
    expect(page.button("Send")?.disabled).toBe(true);
    await page.reload([], { users: [bob] });
    expect(recipient()).toBe("To…");
    expect(box().value).toBe("to whom?");
    await choose("bob@Work");
    expect(box().value).toBe("to whom?");
    page.button("Send")?.click();
    expect(sent()).toMatchObject([{ nickname: "bob", text: "to whom?" }]);
  });

  test("without a recipient is added to what was already typed for the one that is chosen, and to nobody else", async () => {
    const draft = (to: object | null, text: string) => [to ? '["s1","ada"]' : "", { to, text }];
    const stored = [draft(null, "to whom?"), draft({ server_id: "s1", nickname: "ada" }, "first")];
    sessionStorage.setItem("ipymultichat.chatDrafts", JSON.stringify(stored));
    await open(ada, bob);
    expect([recipient(), box().value]).toEqual(["To…", "to whom?"]);
    await choose("ada@Work");
    expect(box().value).toBe("first\nto whom?");
    await choose("bob@Work");
    expect(box().value).toBe("");
  });

  test("can be found again when its recipient has left and somebody else was written to", async () => {
    await open(ada, bob);
    await choose("ada@Work");
    await page.type(box(), "for ada");
    await choose("bob@Work");
    await online(bob);
    await choose("ada@Work (gone)");
    expect(box().value).toBe("for ada");
  });

  test("goes to whose conversation is open, and is theirs alone", async () => {
    await open(ada, bob);
    await choose("bob@Work");
    await page.type(box(), "for bob");
    page.button("ada@Work")?.click();
    await settle();
    expect([recipient(), box().value]).toEqual(["ada@Work", ""]);
    await page.type(box(), "for ada");
    page.button("Send")?.click();
    expect(sent()).toMatchObject([{ nickname: "ada", client_id: "ada", text: "for ada" }]);
    page.button("All messages")?.click();
    await settle();
    expect(recipient()).toBe("ada@Work");
  });

  test("of the last one is not lost when its sending is refused, and says why beside its own recipient only", async () => {
    await open(ada, bob);
    await choose("ada@Work");
    await page.type(box(), "hello");
    page.button("Send")?.click();
    page.button("Send")?.click();
    expect(sent()).toHaveLength(1);
    page.kernel.answer(page.kernel.commands("send")[0], { ok: false, error: "Too long." });
    await settle();
    expect([alert(), box().value]).toEqual(["Too long.", "hello"]);
    await choose("bob@Work");
    expect(alert()).toBe("");
    await choose("ada@Work");
    await page.type(box(), "hello!");
    expect(alert()).toBe("");
  });

  test("that goes on while its beginning is sent stays", async () => {
    await open(ada);
    await page.type(box(), "hello");
    page.button("Send")?.click();
    await page.type(box(), "hello and more");
    page.kernel.answer(page.kernel.commands("send")[0]);
    await settle();
    expect(box().value).toBe("hello and more");
  });

  test("for a server of another widget in the tab is left to that one", async () => {
    await open(ada);
    await page.type(box(), "elsewhere");
    page.close();
    const stored = sessionStorage.getItem("ipymultichat.chatDrafts") ?? "";
    sessionStorage.setItem("ipymultichat.chatDrafts", stored.replaceAll("s1", "s9"));
    await page.reload([], { users: [bob] });
    expect([recipient(), box().value]).toEqual(["bob@Work", ""]);
    expect([...to().options]).toHaveLength(1);
    await page.type(box(), "here");
    page.close();
    expect(sessionStorage.getItem("ipymultichat.chatDrafts")).toContain("elsewhere");
  });
});

describe("two views", () => {
  test("each write to whom they show", async () => {
    const lifecycle = await page.open([], { users: [ada, bob] });
    const second = document.createElement("div");
    document.body.append(second);
    page.ends.push(lifecycle.render({ model: page.kernel.model(), el: second }));
    page.button("ada@Work")?.click();
    await settle();
    page.button("bob@Work", second)?.click();
    await settle();
    expect([page.find("h2")?.textContent, recipient()]).toEqual(["ada@Work", "ada@Work"]);
    const other = second.querySelector<HTMLSelectElement>("[aria-label=To]");
    expect(other?.selectedOptions[0]?.textContent).toBe("bob@Work");
  });
});
