import { beforeEach, describe, expect, test } from "vitest";
import { Drafts } from "../src/drafts";
import { MAP_MAX, makeSafeStorage } from "../src/storage";
import { message, reply } from "./helpers";

let drafts: Drafts;
const type = (text: string) => drafts.edit("m1", { text });
const open = () => new Drafts(makeSafeStorage(() => sessionStorage));
const reload = () => {
  drafts.flush();
  drafts = open();
};
const typed = (id = "m1") => drafts.draft(id).text;
const state = () => drafts.state("m1");

beforeEach(() => {
  sessionStorage.clear();
  drafts = open();
});

describe("a draft", () => {
  test("goes only when its delivery is certain", () => {
    type("yes");
    drafts.startSending("m1", "yes");
    drafts.accepted("m1");
    drafts.follow(message(1, { status: "sending" }));
    expect(typed()).toBe("yes");
    drafts.follow(message(1, { reply: reply("yes") }));
    expect(typed()).toBe("");
  });

  test("goes also when it was delivered with a prefix around it", () => {
    type("yes");
    drafts.startSending("m1", "yes");
    drafts.follow(message(1, { reply: reply("Dear agent,\nyes") }));
    expect(typed()).toBe("");
  });

  test("that was typed on meanwhile stays", () => {
    type("yes");
    drafts.startSending("m1", "yes");
    type("yes, but");
    drafts.follow(message(1, { reply: reply("yes") }));
    expect(typed()).toBe("yes, but");
  });

  test.each([
    ["answered by somebody else", { reply: reply("no", { mine: false }) }],
    ["answered by me elsewhere with other words", { reply: reply("no") }],
    ["answered by somebody else in the same words", { reply: reply("yes", { mine: false }) }],
    ["cancelled", { status: "cancelled" }],
    ["expired", { status: "expired" }],
    ["failed", { status: "failed", draft: "older" }],
    ["cancelled after an older try", { status: "cancelled", draft: "older" }],
  ])("stays when the question is %s", (_name, change) => {
    type("yes");
    drafts.follow(message(1, change));
    expect(typed()).toBe("yes");
  });

  test("stays when the question ended while it was on its way, and the kernel did not keep it", () => {
    type("yes");
    drafts.startSending("m1", "yes");
    drafts.follow(message(1, { status: "cancelled" }));
    expect(typed()).toBe("yes");
  });

  test("goes when the message has ended and the kernel keeps the same text with it", () => {
    type("yes");
    drafts.follow(message(1, { status: "failed", draft: "yes" }));
    expect(typed()).toBe("yes");
    drafts.follow(message(1, { status: "cancelled", draft: "yes" }));
    expect(typed()).toBe("");
  });

  test("comes back from the kernel when it could not be delivered, with the prefix it has already", () => {
    drafts.follow(message(1, { status: "failed", draft: "Dear agent,\nyes" }));
    expect(typed()).toBe("Dear agent,\nyes");
    expect(state().wrap).toBe(false);
  });
});

describe("the tab's storage", () => {
  test("brings a draft back after a reload", () => {
    type("yes");
    reload();
    expect(typed()).toBe("yes");
  });

  test("forgets what was delivered, also before a reload", () => {
    type("yes");
    reload();
    drafts.follow(message(1, { reply: reply("yes") }));
    reload();
    expect(typed()).toBe("");
    expect(sessionStorage.getItem("ipymultichat.drafts")).toBe("[]");
  });

  test("that is refused costs nothing but the reload", () => {
    drafts = new Drafts(
      makeSafeStorage(() => {
        throw new Error("denied");
      }),
    );
    type("yes");
    expect(() => drafts.flush()).not.toThrow();
    expect(typed()).toBe("yes");
  });
});

describe("an answer on its way", () => {
  test("is over when the message moves on, however the two frames are ordered", () => {
    drafts.startSending("m1", "yes");
    drafts.follow(message(1, { status: "sending" }));
    drafts.accepted("m1");
    expect(state().sendState).toBe("none");
  });

  test("is not over because of an unrelated change before the kernel has taken it", () => {
    drafts.startSending("m1", "yes");
    drafts.follow(message(1, { status: "pending" }));
    expect(state().sendState).toBe("asked");
  });

  test("keeps a second one from starting", () => {
    expect(drafts.startSending("m1", "yes")).toBe(true);
    expect(drafts.startSending("m1", "yes")).toBe(false);
  });

  test("that was refused says why, until the next try", () => {
    drafts.startSending("m1", "yes");
    drafts.refused("m1", "too late");
    expect(state()).toMatchObject({ sendState: "none", error: "too late" });
    drafts.startSending("m1", "yes");
    expect(state()).toMatchObject({ sendState: "asked", error: "" });
  });
});

test("what the kernel refused is no news once an answer is on its way", () => {
  drafts.startSending("m1", "yes");
  drafts.refused("m1", "no word from the kernel");
  drafts.follow(message(1, { status: "failed" }));
  expect(state().error).toBe("no word from the kernel");
  drafts.follow(message(1, { status: "sending" }));
  expect(state().error).toBe("");
});

describe("a message that is in the log no more", () => {
  const gone = new Set(["m1"]);

  test("leaves nothing behind but text that was not sent", () => {
    type("half");
    drafts.setWrap("m1", false);
    drafts.startSending("m1", "half");
    drafts.refused("m1", "too late");
    drafts.forget(gone);
    expect(state()).toEqual({ sendState: "none", sent: null, wrap: true, error: "" });
    expect(drafts.isAnsweredHere("m1")).toBe(false);
    expect(typed()).toBe("half");
  });

  test("keeps its text over a reload", () => {
    type("half");
    drafts.forget(gone);
    reload();
    expect(typed()).toBe("half");
  });
});

test("of very many drafts the oldest are dropped, in memory and in storage", () => {
  for (let n = 0; n <= MAP_MAX; n += 1) drafts.edit(`m${n}`, { text: `text ${n}` });
  for (let round = 0; round < 2; round += 1) {
    expect([typed("m0"), typed("m1"), typed(`m${MAP_MAX}`)]).toEqual(["", "text 1", `text ${MAP_MAX}`]);
    reload();
  }
});
