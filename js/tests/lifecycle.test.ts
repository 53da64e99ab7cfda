import { describe, expect, test, vi } from "vitest";
import makeLifecycle from "../src/index";
import { patch, pending, raw } from "./helpers";
import { InView, settle, usePage } from "./page";

const page = usePage();

describe("the lifecycle", () => {
  test("shares one store between initialize and all views, though the host gives each another object", async () => {
    const lifecycle = await page.open([pending(1)]);
    const second = document.createElement("div");
    page.ends.push(lifecycle.render({ model: page.kernel.model(), el: second }));
    await settle();
    expect(page.kernel.sent.filter((frame) => frame.type === "sync")).toHaveLength(1);
    expect(second.querySelectorAll("article")).toHaveLength(1);
  });

  test("leaves nothing behind: no element, no listener", async () => {
    await page.open([pending(1)]);
    page.close();
    expect(page.host.innerHTML).toBe("");
    expect(page.kernel.listening).toBe(0);
  });

  test("ends a view on its signal as well, and twice is once", async () => {
    const lifecycle = makeLifecycle();
    const [model, view] = [new AbortController(), new AbortController()];
    const stop = lifecycle.initialize({ model: page.kernel.model(), signal: model.signal });
    lifecycle.render({ model: page.kernel.model(), el: page.host, signal: view.signal });
    expect(page.host.innerHTML).not.toBe("");
    view.abort();
    expect(page.host.innerHTML).toBe("");
    model.abort();
    stop();
    expect(page.kernel.listening).toBe(0);
  });

  test("keeps notebook shortcuts away from the root and from whatever is focused in it", async () => {
    await page.open([pending(1)]);
    const focused = page.button("Reply") as HTMLElement;
    focused.focus();
    for (const element of [page.host.querySelector(".imc-root"), focused]) {
      expect(element?.getAttribute("data-lm-suppress-shortcuts")).toBe("true");
    }
  });

  test("keeps typed keys from the page around it", async () => {
    await page.open([pending(1)]);
    const heard = vi.fn();
    document.body.addEventListener("keydown", heard);
    page.host
      .querySelector("textarea")
      ?.dispatchEvent(new KeyboardEvent("keydown", { key: "d", bubbles: true }));
    document.body.removeEventListener("keydown", heard);
    expect(heard).not.toHaveBeenCalled();
  });
});

describe("the inbox", () => {
  test("names its parts as agreed", async () => {
    const user = { server_id: "s1", client_id: "u", nickname: "ada", connected_at: 1 };
    await page.open(
      [
        pending(1),
        pending(2, { agent_name: "", server_id: "s2" }),
        pending(3, { kind: "report" }),
        raw(4, { kind: "chat", status: "received", sender: "ada", receiver: "me" }),
        raw(5, { kind: "chat", status: "sent", mine: true, sender: "me", receiver: "ada" }),
      ],
      { users: [user] },
    );
    expect([...page.host.querySelectorAll("article")].map((item) => item.ariaLabel)).toEqual([
      "Question from claude-code on Work",
      "Question from agent on Home",
      "Report from claude-code on Work",
      "Chat with ada@Work",
      "Chat with ada@Work",
    ]);
    for (const name of ["1 of 2 servers connected", "Pending only", "Settings", "ada@Work", "Send"]) {
      expect(page.button(name), name).toBeDefined();
    }
    for (const name of ["Messages", "Online users", "To", "Message", "Search messages"]) {
      expect(page.host.querySelector(`[aria-label="${name}"]`), name).not.toBeNull();
    }
  });

  test("says when there is no server at all", async () => {
    page.kernel.traits.server_count = 0;
    page.kernel.traits.connected_count = 0;
    await page.open([]);
    const badge = page.button("No servers");
    expect([badge?.textContent, badge?.querySelector("svg")]).toEqual(["No servers", null]);
  });

  test("follows a rename in the badge, the cards and the people", async () => {
    await page.open([pending(1)]);
    page.kernel.set("_servers", [
      { id: "s1", label: "Office", url: "ws://w", enabled: true, state: "connected" },
    ]);
    await settle();
    expect(page.article("Question from claude-code on Office")).not.toBeNull();
  });

  test("shows the words of a server that was removed", async () => {
    await page.open([pending(1, { server_id: "gone", server_name: "Old" })]);
    expect(page.article("Question from claude-code on Old")).not.toBeNull();
  });

  test("reads out new questions with their text, each of several, and nothing else", async () => {
    await page.open([]);
    const live = () => page.host.querySelector(".imc-sr[role=status]")?.textContent;
    page.kernel.tell(patch(2, [raw(7, { kind: "chat", status: "received", sender: "ada" })]));
    await settle();
    expect(live()).toBe("");
    page.kernel.tell(patch(3, [pending(8)]));
    await settle();
    expect(live()).toBe("Question from claude-code on Work: text 8");
    page.kernel.tell(patch(4, [pending(9), pending(10)]));
    await settle();
    expect(
      live()
        ?.split("\n")
        .map((line) => line.split(": ")[1]),
    ).toEqual(["text 8", "text 9", "text 10"]);
  });
});

describe("people", () => {
  const user = { server_id: "s1", client_id: "u", nickname: "ada", connected_at: 1 };
  const talk = (nickname: string, unread: number) => ({ server_id: "s1", nickname, unread, last: 9 });
  const list = (name: string) => page.host.querySelector(`ul[aria-label="${name}"]`);
  const about = (item: HTMLElement | undefined) =>
    page.host.querySelector(`[id="${item?.getAttribute("aria-describedby")}"]`)?.textContent;
  const said = (n: number, sender: string) => raw(n, { kind: "chat", status: "received", sender });

  test("show how much of what they wrote is unread, under their plain name", async () => {
    await page.open([], { users: [user], conversations: [talk("ada", 2), talk("bob", 0)] });
    const online = page.button("ada@Work", list("Online users") as Element);
    expect(online?.textContent).toContain("2");
    expect(about(online)).toBe("2 unread");
    page.kernel.tell(patch(2, [], { conversations: [talk("ada", 0)] }));
    await settle();
    expect(page.button("ada@Work")?.hasAttribute("aria-describedby")).toBe(false);
    expect(list("Earlier conversations")).toBeNull();
  });

  test("who have left are listed apart, and their conversation opens again", async () => {
    await page.open([said(1, "bob")], { users: [user], conversations: [talk("bob", 1)] });
    const gone = page.button("bob@Work", list("Earlier conversations") as Element);
    expect(gone?.textContent).toContain("gone");
    expect(about(gone)).toBe("1 unread, gone");
    gone?.click();
    await settle();
    expect(page.host.querySelector("h2")?.textContent).toBe("bob@Work");
    expect(page.host.querySelectorAll("article")).toHaveLength(1);
  });

  test("have ids of their own in every view", async () => {
    const lifecycle = await page.open([], { conversations: [talk("bob", 1)] });
    const second = document.createElement("div");
    document.body.append(second);
    page.ends.push(lifecycle.render({ model: page.kernel.model(), el: second }));
    await settle();
    const ids = [...document.querySelectorAll("[id]")].map((item) => item.id);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(2);
  });

  test("are told apart when the kernel hears what was seen", async () => {
    vi.stubGlobal("IntersectionObserver", InView);
    vi.useFakeTimers();
    const wait = () => vi.advanceTimersByTimeAsync(1_000);
    vi.spyOn(HTMLElement.prototype, "offsetParent", "get").mockReturnValue(document.body);
    page.ends.push(() => vi.useRealTimers());
    const lifecycle = makeLifecycle();
    page.ends.push(lifecycle.initialize({ model: page.kernel.model() }));
    page.ends.push(lifecycle.render({ model: page.kernel.model(), el: page.host }));
    page.kernel.snapshot([said(1, "bob"), said(2, "ada")], { conversations: [talk("bob", 1)] });
    await wait();
    expect(page.kernel.commands("seen")).toEqual([]);
    page.button("bob@Work")?.click();
    await wait();
    expect(page.kernel.commands("seen").map((item) => item.args)).toEqual([
      { upto: [1000, 0], server_id: "s1", peer: "bob" },
    ]);
    page.kernel.tell(patch(2, [], { conversations: [talk("bob", 0)] }));
    page.kernel.set("unread_count", 1);
    await wait();
    expect(page.kernel.commands("seen")).toHaveLength(1);
    page.button("All messages")?.click();
    await wait();
    expect(page.kernel.commands("seen").at(-1)?.args).toEqual({ upto: [2000, 0] });
  });
});

describe("the history in the settings", () => {
  const kept = { kept: true, days: 30, mebibytes: 0 };
  const settings = (history?: object) => ({ nickname: "me", has_token: true, history });
  const fields = () => [...page.host.querySelectorAll<HTMLInputElement>("input[type=number]")];

  test("says when nothing is kept on disk", async () => {
    await page.open([]);
    page.button("Settings")?.click();
    await settle();
    expect(fields()).toEqual([]);
    expect(page.host.querySelector("[role=dialog]")?.textContent).toContain("Nothing is kept on disk");
  });

  test("keeps what is typed while the kernel says something else, and saves both numbers", async () => {
    page.kernel.traits._settings = settings(kept);
    await page.open([]);
    page.button("Settings")?.click();
    await settle();
    const [days, size] = fields() as [HTMLInputElement, HTMLInputElement];
    expect([days.value, size.value]).toEqual(["30", "0"]);
    await page.type(size, "512");
    page.kernel.set("_settings", { ...settings(kept), nickname: "other" });
    await settle();
    expect(size.value).toBe("512");
    size.dispatchEvent(new Event("change"));
    expect(page.kernel.commands("set_history")[0]?.args).toEqual({ days: 30, mebibytes: 512 });
    page.kernel.answer(page.kernel.commands("set_history")[0], { ok: false, error: "The disk is full." });
    await settle();
    expect(page.host.querySelector("[role=dialog] [role=alert]")?.textContent).toBe("The disk is full.");
  });

  test("does not save what is no number", async () => {
    page.kernel.traits._settings = settings(kept);
    await page.open([]);
    page.button("Settings")?.click();
    await settle();
    const [days] = fields() as [HTMLInputElement];
    for (const wrong of ["", "-1"]) {
      await page.type(days, wrong);
      days.dispatchEvent(new Event("change"));
      await settle();
      expect(page.host.querySelector("[role=dialog] [role=alert]")?.textContent).toContain("0 or more");
      expect(days.getAttribute("aria-invalid")).toBe("true");
    }
    expect(page.kernel.commands("set_history")).toEqual([]);
  });
});

describe("trouble", () => {
  test("a list that is there stays there while the kernel is asked again", async () => {
    await page.open([pending(1)]);
    page.kernel.tell("garbage");
    page.kernel.tell(patch(9, [pending(9)]));
    await settle();
    expect(page.host.querySelectorAll("article")).toHaveLength(1);
  });

  test("a closed comm is said in words, and the typed text stays", async () => {
    await page.open([pending(1)]);
    await page.type(page.host.querySelector("article textarea") as HTMLTextAreaElement, "words");
    page.kernel.emit("comm:close");
    await settle();
    expect(page.host.querySelector("[role=alert]")?.textContent).toContain("Run the cell again");
    expect((page.host.querySelector("article textarea") as HTMLTextAreaElement).value).toBe("words");
  });

  test("the end of the kernel, of which no comm tells, gives back the answer it was asked to send", async () => {
    await page.open([pending(1)]);
    const box = () => page.host.querySelector("article textarea") as HTMLTextAreaElement;
    await page.type(box(), "words");
    page.button("Reply")?.click();
    await settle();
    page.kernel.emit("disposed");
    await settle();
    expect(page.host.querySelector("[role=alert]")?.textContent).toContain("Run the cell again");
    expect(page.host.querySelector("article")?.textContent).not.toContain("sending");
    expect(box().value).toBe("words");
  });

  test("a missing token is asked for in place, and goes to the kernel once and nowhere else", async () => {
    page.kernel.traits._settings = { nickname: "me", has_token: false };
    await page.open([]);
    const field = page.host.querySelector("input[type=password]") as HTMLInputElement;
    await page.type(field, "s3cret");
    field.dispatchEvent(new Event("change"));
    await settle();
    page.kernel.answer(page.kernel.commands("set_token")[0]);
    await settle();
    expect(page.kernel.commands("set_token")[0]?.args).toEqual({ token: "s3cret" });
    expect(field.value).toBe("");
    expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain("s3cret");
  });
});
