import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import makeLifecycle from "../src/index";
import { FakeKernel } from "./fake-model";
import { patch, raw } from "./helpers";

class NoObserver {
  observe() {}
  unobserve() {}
  disconnect() {}
}

/** Everything that is watched is in view. */
class InView extends NoObserver {
  constructor(private readonly callback: (entries: object[]) => void) {
    super();
  }
  override observe() {
    this.callback([{ isIntersecting: true }]);
  }
}

let kernel: FakeKernel;
let host: HTMLElement;
let end: (() => void)[];
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));
const article = (name: string) => host.querySelector<HTMLElement>(`article[aria-label="${name}"]`);
const button = (name: string, within: Element = host) =>
  [...within.querySelectorAll("button")].find((item) => (item.ariaLabel ?? item.textContent) === name);

async function open(messages: unknown[], change: object = {}) {
  const lifecycle = makeLifecycle();
  end.push(lifecycle.initialize({ model: kernel.model() }));
  end.push(lifecycle.render({ model: kernel.model(), el: host }));
  kernel.snapshot(messages, change);
  await settle();
  return lifecycle;
}

async function type(box: HTMLTextAreaElement | HTMLInputElement, text: string) {
  box.value = text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  await settle();
}

beforeEach(() => {
  vi.stubGlobal("ResizeObserver", NoObserver);
  vi.stubGlobal("IntersectionObserver", NoObserver);
  vi.stubGlobal("CSS", { supports: () => true });
  sessionStorage.clear();
  localStorage.clear();
  kernel = new FakeKernel();
  host = document.createElement("div");
  document.body.replaceChildren(host);
  end = [];
});
afterEach(() => {
  for (const stop of end.reverse()) stop();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

const pending = (n: number, change = {}) => raw(n, { status: "pending", ...change });

describe("the lifecycle", () => {
  test("shares one store between initialize and all views, though the host gives each another object", async () => {
    const lifecycle = await open([pending(1)]);
    const second = document.createElement("div");
    end.push(lifecycle.render({ model: kernel.model(), el: second }));
    await settle();
    expect(kernel.sent.filter((frame) => frame.type === "sync")).toHaveLength(1);
    expect(second.querySelectorAll("article")).toHaveLength(1);
  });

  test("leaves nothing behind: no element, no listener", async () => {
    await open([pending(1)]);
    for (const stop of end.reverse()) stop();
    end = [];
    expect(host.innerHTML).toBe("");
    expect(kernel.listening).toBe(0);
  });

  test("ends a view on its signal as well, and twice is once", async () => {
    const lifecycle = makeLifecycle();
    const [model, view] = [new AbortController(), new AbortController()];
    const stop = lifecycle.initialize({ model: kernel.model(), signal: model.signal });
    lifecycle.render({ model: kernel.model(), el: host, signal: view.signal });
    expect(host.innerHTML).not.toBe("");
    view.abort();
    expect(host.innerHTML).toBe("");
    model.abort();
    stop();
    expect(kernel.listening).toBe(0);
  });

  test("keeps notebook shortcuts away from the root and from whatever is focused in it", async () => {
    await open([pending(1)]);
    const focused = button("Reply") as HTMLElement;
    focused.focus();
    for (const element of [host.querySelector(".imc-root"), focused]) {
      expect(element?.getAttribute("data-lm-suppress-shortcuts")).toBe("true");
    }
  });

  test("keeps typed keys from the page around it", async () => {
    await open([pending(1)]);
    const heard = vi.fn();
    document.body.addEventListener("keydown", heard);
    host.querySelector("textarea")?.dispatchEvent(new KeyboardEvent("keydown", { key: "d", bubbles: true }));
    document.body.removeEventListener("keydown", heard);
    expect(heard).not.toHaveBeenCalled();
  });
});

describe("the inbox", () => {
  test("names its parts as agreed", async () => {
    const user = { server_id: "s1", client_id: "u", nickname: "ada", connected_at: 1 };
    await open(
      [
        pending(1),
        pending(2, { agent: "", server_id: "s2" }),
        pending(3, { kind: "report" }),
        raw(4, { kind: "chat", status: "received", sender: "ada", receiver: "me" }),
        raw(5, { kind: "chat", status: "sent", mine: true, sender: "me", receiver: "ada" }),
      ],
      { users: [user] },
    );
    expect([...host.querySelectorAll("article")].map((item) => item.ariaLabel)).toEqual([
      "Question from claude-code on Work",
      "Question from agent on Home",
      "Report from claude-code on Work",
      "Chat with ada@Work",
      "Chat with ada@Work",
    ]);
    for (const name of ["1 of 2 servers connected", "Pending only", "Settings", "ada@Work", "Send"]) {
      expect(button(name), name).toBeDefined();
    }
    for (const name of ["Messages", "Online users", "To", "Message", "Search messages"]) {
      expect(host.querySelector(`[aria-label="${name}"]`), name).not.toBeNull();
    }
  });

  test("says when there is no server at all", async () => {
    kernel.traits.server_count = 0;
    kernel.traits.connected_count = 0;
    await open([]);
    expect(button("No servers")?.textContent).toBe("0/0");
  });

  test("follows a rename in the badge, the cards and the people", async () => {
    await open([pending(1)]);
    kernel.set("_servers", [{ id: "s1", label: "Office", url: "ws://w", enabled: true, state: "connected" }]);
    await settle();
    expect(article("Question from claude-code on Office")).not.toBeNull();
  });

  test("shows the words of a server that was removed", async () => {
    await open([pending(1, { server_id: "gone", server: "Old" })]);
    expect(article("Question from claude-code on Old")).not.toBeNull();
  });

  test("reads out a new question and nothing else", async () => {
    await open([]);
    const live = () => host.querySelector(".imc-sr[role=status]")?.textContent;
    kernel.tell(patch(2, [raw(7, { kind: "chat", status: "received", sender: "ada" })]));
    await settle();
    expect(live()).toBe("");
    kernel.tell(patch(3, [pending(8)]));
    await settle();
    expect(live()).toBe("Question from claude-code on Work");
  });
});

describe("people", () => {
  const user = { server_id: "s1", client_id: "u", nickname: "ada", connected_at: 1 };
  const talk = (nickname: string, unread: number) => ({ server_id: "s1", nickname, unread, last: 9 });
  const list = (name: string) => host.querySelector(`ul[aria-label="${name}"]`);
  const about = (item: HTMLElement | undefined) =>
    host.querySelector(`[id="${item?.getAttribute("aria-describedby")}"]`)?.textContent;
  const said = (n: number, sender: string) => raw(n, { kind: "chat", status: "received", sender });

  test("show how much of what they wrote is unread, under their plain name", async () => {
    await open([], { users: [user], conversations: [talk("ada", 2), talk("bob", 0)] });
    const online = button("ada@Work", list("Online users") as Element);
    expect(online?.textContent).toContain("2");
    expect(about(online)).toBe("2 unread");
    kernel.tell(patch(2, [], { conversations: [talk("ada", 0)] }));
    await settle();
    expect(button("ada@Work")?.hasAttribute("aria-describedby")).toBe(false);
    expect(list("Earlier conversations")).toBeNull();
  });

  test("who have left are listed apart, and their conversation opens again", async () => {
    await open([said(1, "bob")], { users: [user], conversations: [talk("bob", 1)] });
    const gone = button("bob@Work", list("Earlier conversations") as Element);
    expect(gone?.textContent).toContain("gone");
    expect(about(gone)).toBe("1 unread, gone");
    gone?.click();
    await settle();
    expect(host.querySelector("h2")?.textContent).toBe("bob@Work");
    expect(host.querySelectorAll("article")).toHaveLength(1);
  });

  test("have ids of their own in every view", async () => {
    const lifecycle = await open([], { conversations: [talk("bob", 1)] });
    const second = document.createElement("div");
    document.body.append(second);
    end.push(lifecycle.render({ model: kernel.model(), el: second }));
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
    end.push(() => vi.useRealTimers());
    const lifecycle = makeLifecycle();
    end.push(lifecycle.initialize({ model: kernel.model() }));
    end.push(lifecycle.render({ model: kernel.model(), el: host }));
    kernel.snapshot([said(1, "bob"), said(2, "ada")], { conversations: [talk("bob", 1)] });
    await wait();
    expect(kernel.commands("seen")).toEqual([]);
    button("bob@Work")?.click();
    await wait();
    expect(kernel.commands("seen").map((item) => item.args)).toEqual([
      { upto: [1000, 0], server_id: "s1", peer: "bob" },
    ]);
    kernel.tell(patch(2, [], { conversations: [talk("bob", 0)] }));
    kernel.set("unread_count", 1);
    await wait();
    expect(kernel.commands("seen")).toHaveLength(1);
    button("All messages")?.click();
    await wait();
    expect(kernel.commands("seen").at(-1)?.args).toEqual({ upto: [2000, 0] });
  });
});

describe("the history in the settings", () => {
  const kept = { kept: true, days: 30, mebibytes: 0 };
  const settings = (history?: object) => ({ nickname: "me", has_token: true, history });
  const fields = () => [...host.querySelectorAll<HTMLInputElement>("input[type=number]")];

  test("says when nothing is kept on disk", async () => {
    await open([]);
    button("Settings")?.click();
    await settle();
    expect(fields()).toEqual([]);
    expect(host.querySelector("[role=dialog]")?.textContent).toContain("Nothing is kept on disk");
  });

  test("keeps what is typed while the kernel says something else, and saves both numbers", async () => {
    kernel.traits._settings = settings(kept);
    await open([]);
    button("Settings")?.click();
    await settle();
    const [days, size] = fields() as [HTMLInputElement, HTMLInputElement];
    expect([days.value, size.value]).toEqual(["30", "0"]);
    await type(size, "512");
    kernel.set("_settings", { ...settings(kept), nickname: "other" });
    await settle();
    expect(size.value).toBe("512");
    size.dispatchEvent(new Event("change"));
    expect(kernel.commands("set_history")[0]?.args).toEqual({ days: 30, mebibytes: 512 });
    kernel.answer(kernel.commands("set_history")[0], { ok: false, error: "The disk is full." });
    await settle();
    expect(host.querySelector("[role=dialog] [role=alert]")?.textContent).toBe("The disk is full.");
  });

  test("does not save what is no number", async () => {
    kernel.traits._settings = settings(kept);
    await open([]);
    button("Settings")?.click();
    await settle();
    const [days] = fields() as [HTMLInputElement];
    for (const wrong of ["", "-1"]) {
      await type(days, wrong);
      days.dispatchEvent(new Event("change"));
      await settle();
      expect(host.querySelector("[role=dialog] [role=alert]")?.textContent).toContain("0 or more");
      expect(days.getAttribute("aria-invalid")).toBe("true");
    }
    expect(kernel.commands("set_history")).toEqual([]);
  });
});

describe("an answer", () => {
  const card = () => article("Question from claude-code on Work") as HTMLElement;
  const box = () => card().querySelector("textarea") as HTMLTextAreaElement;

  test("stays in its box until it is known to have arrived", async () => {
    await open([pending(1)]);
    await type(box(), "yes");
    button("Reply", card())?.click();
    await settle();
    expect(kernel.commands("reply")[0]?.args).toEqual({ key: "m1", text: "yes" });
    expect(card().textContent).toContain("sending");
    expect(box().value).toBe("yes");
    kernel.answer(kernel.commands("reply")[0]);
    kernel.tell(patch(2, [raw(1, { status: "sending" })]));
    await settle();
    expect(box().value).toBe("yes");
    kernel.tell(patch(3, [raw(1, { reply: { text: "yes", by: "me", at: 5, mine: true, parts: [] } })]));
    await settle();
    expect(card().querySelector("textarea")).toBeNull();
    expect(card().textContent).toContain("replied");
  });

  test("is sent once, however often the button is pressed", async () => {
    await open([pending(1)]);
    await type(box(), "yes");
    for (let i = 0; i < 3; i += 1) button("Reply", card())?.click();
    await settle();
    expect(kernel.commands("reply")).toHaveLength(1);
  });

  test("that the kernel refuses says why and can be sent again", async () => {
    await open([pending(1)]);
    await type(box(), "yes");
    button("Reply", card())?.click();
    await settle();
    kernel.answer(kernel.commands("reply")[0], { ok: false, error: "Too late." });
    await settle();
    expect(card().querySelector("[role=alert]")?.textContent).toBe("Too late.");
    button("Reply", card())?.click();
    await settle();
    expect(kernel.commands("reply")).toHaveLength(2);
  });

  test("without words is not sent, but a report is confirmed without any", async () => {
    await open([pending(1), pending(2, { kind: "report" })]);
    button("Reply")?.click();
    button("Confirm")?.click();
    await settle();
    expect(kernel.commands("reply")).toHaveLength(0);
    expect(kernel.commands("confirm")[0]?.args).toEqual({ key: "m2", text: "" });
  });

  test("given by somebody else leaves the typed text to be copied", async () => {
    await open([pending(1)]);
    await type(box(), "my words");
    kernel.tell(patch(2, [raw(1, { reply: { text: "theirs", by: "bob", at: 5, mine: false, parts: [] } })]));
    await settle();
    expect(card().textContent).toContain("theirs");
    expect(card().textContent).toContain("my words");
    button("Discard", card())?.click();
    await settle();
    expect(card().textContent).not.toContain("my words");
  });
});

describe("trouble", () => {
  test("a list that is there stays there while the kernel is asked again", async () => {
    await open([pending(1)]);
    kernel.tell("garbage");
    kernel.tell(patch(9, [pending(9)]));
    await settle();
    expect(host.querySelectorAll("article")).toHaveLength(1);
  });

  test("a closed comm is said in words, and the typed text stays", async () => {
    await open([pending(1)]);
    await type(host.querySelector("article textarea") as HTMLTextAreaElement, "words");
    kernel.emit("comm:close");
    await settle();
    expect(host.querySelector("[role=alert]")?.textContent).toContain("Run the cell again");
    expect((host.querySelector("article textarea") as HTMLTextAreaElement).value).toBe("words");
  });

  test("the end of the kernel, of which no comm tells, gives back the answer it was asked to send", async () => {
    await open([pending(1)]);
    const box = () => host.querySelector("article textarea") as HTMLTextAreaElement;
    await type(box(), "words");
    button("Reply")?.click();
    await settle();
    kernel.emit("disposed");
    await settle();
    expect(host.querySelector("[role=alert]")?.textContent).toContain("Run the cell again");
    expect(host.querySelector("article")?.textContent).not.toContain("sending");
    expect(box().value).toBe("words");
  });

  test("a missing token is asked for in place, and goes to the kernel once and nowhere else", async () => {
    kernel.traits._settings = { nickname: "me", has_token: false };
    await open([]);
    const field = host.querySelector("input[type=password]") as HTMLInputElement;
    await type(field, "s3cret");
    button("Save")?.click();
    await settle();
    kernel.answer(kernel.commands("set_token")[0]);
    await settle();
    expect(kernel.commands("set_token")[0]?.args).toEqual({ token: "s3cret" });
    expect(field.value).toBe("");
    expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain("s3cret");
  });
});
