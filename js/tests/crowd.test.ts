import { describe, expect, test } from "vitest";
import { patch, raw } from "./helpers";
import { settle, usePage } from "./page";

const page = usePage();
const user = (nickname: string) => ({ server_id: "s1", client_id: nickname, nickname, connected_at: 1 });
const people = () => [...page.host.querySelectorAll('[aria-label="Online users"] button')];
const asked = () => page.kernel.sent.filter((frame) => frame.type === "people").map((frame) => frame.search);
const pause = () => new Promise((resolve) => setTimeout(resolve, 250));

describe("a server with more people than a browser holds", () => {
  test("says how many there are, and finds one by name through the kernel", async () => {
    const some = Array.from({ length: 40 }, (_, n) => user(`p${n}`));
    await page.open([], { users: some, user_count: 5_000 });
    expect(page.host.textContent).toContain("… and 4960 more online");
    expect(people()).toHaveLength(6);
    page.button("Show 34 more people")?.click();
    await settle();
    expect(people()).toHaveLength(40);
    await page.type(page.named<HTMLInputElement>("Find people"), "Zoe");
    await pause();
    expect(asked()).toEqual(["zoe"]);
    page.kernel.tell(patch(2, [], { users: [user("zoe")], users_gone: [user("p39")], user_count: 5_000 }));
    await settle();
    expect(people().map((button) => button.getAttribute("aria-label"))).toEqual(["zoe@Work"]);
  });

  test("is asked whether somebody is there to whom a message is about to go", async () => {
    await page.open([], { users: [user("ada")], user_count: 900 });
    await page.type(page.named<HTMLTextAreaElement>("Message"), "hello");
    page.kernel.tell(patch(2, [], { users: [user("bob")], users_gone: [user("ada")], user_count: 900 }));
    await pause();
    expect(asked()).toEqual(["ada"]);
  });

  test("needs no box where everybody is in sight", async () => {
    await page.open([], { users: [user("ada")], user_count: 1 });
    expect(page.host.querySelector('[aria-label="Find people"]')).toBeNull();
  });
});

// jsdom has no such method.
Blob.prototype.text ??= function (this: Blob) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(`${reader.result}`);
    reader.readAsText(this);
  });
};

describe("a text of which the browser has only the beginning", () => {
  const bytes = (text: string) => [new DataView(new TextEncoder().encode(text).buffer)];
  const cut = raw(1, { text: "It begins", length: 21 });

  async function serve(text: string) {
    const fetch = page.kernel.sent.find((frame) => frame.type === "fetch");
    expect(fetch).toMatchObject({ message_id: "m1", text: true, offset: 0 });
    page.kernel.tell(
      { type: "piece", client: fetch?.client, ref: fetch?.ref, size: text.length },
      bytes(text),
    );
    await pause();
  }

  test("says so, and shows all of it when asked", async () => {
    await page.open([cut]);
    expect(page.host.textContent).toContain("Its first 9 of 21 characters");
    page.button("Show all")?.click();
    await serve("It begins and it ends");
    expect(page.find(".imc-body")?.textContent).toContain("It begins and it ends");
    expect(page.host.textContent).not.toContain("Its first");
  });

  test("is too long to be shown beyond a limit, and can be saved", async () => {
    await page.open([raw(1, { text: "It begins", length: 57_000_000 })]);
    expect(page.button("Show all")).toBeUndefined();
    expect(page.button("Save as file")).toBeDefined();
  });
});
