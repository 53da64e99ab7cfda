import { beforeEach, describe, expect, test } from "vitest";
import { EMPTY_DRAFT } from "../src/answer";
import { Drafts } from "../src/drafts";
import { Keeper, readKept } from "../src/keep";
import { cabinet } from "../src/storage";
import { message } from "./helpers";

let drafts: Drafts;
const type = (text: string) => {
  drafts.of("m1").draft.value = { ...EMPTY_DRAFT, text };
};
const open = () => new Drafts(new Keeper(cabinet(() => sessionStorage)));
const typed = () => drafts.of("m1").draft.value.text;
const mine = (text: string) => ({ text, by: "me", at: 1, mine: true, parts: [] });

beforeEach(() => {
  sessionStorage.clear();
  drafts = open();
});

describe("a draft", () => {
  test("goes only when its delivery is certain", () => {
    type("yes");
    drafts.sending("m1", "yes");
    drafts.accepted("m1");
    drafts.follow(message(1, { status: "sending" }));
    expect(typed()).toBe("yes");
    drafts.follow(message(1, { status: "replied", reply: mine("yes") }));
    expect(typed()).toBe("");
  });

  test("that was typed on meanwhile stays", () => {
    type("yes");
    drafts.sending("m1", "yes");
    type("yes, but");
    drafts.follow(message(1, { status: "replied", reply: mine("yes") }));
    expect(typed()).toBe("yes, but");
  });

  test.each([
    ["answered by somebody else", { status: "replied", reply: { ...mine("no"), mine: false } }],
    ["answered by me elsewhere with other words", { status: "replied", reply: mine("no") }],
    [
      "answered by somebody else in the same words",
      { status: "replied", reply: { ...mine("yes"), mine: false } },
    ],
    ["cancelled", { status: "cancelled" }],
    ["expired", { status: "expired" }],
    ["failed", { status: "failed", draft: "older" }],
  ])("stays when the question is %s", (_name, change) => {
    type("yes");
    drafts.follow(message(1, change));
    expect(typed()).toBe("yes");
  });

  test("comes back from the kernel when it could not be delivered", () => {
    drafts.follow(message(1, { status: "failed", draft: "yes" }));
    expect(typed()).toBe("yes");
  });
});

describe("the tab's storage", () => {
  test("brings a draft back after a reload", () => {
    type("yes");
    drafts.close();
    drafts = open();
    expect(typed()).toBe("yes");
  });

  test("forgets what was delivered", () => {
    type("yes");
    drafts.close();
    drafts = open();
    drafts.follow(message(1, { status: "replied", reply: mine("yes") }));
    drafts.close();
    drafts = open();
    expect(typed()).toBe("");
  });

  test.each(["", "{", "7", '[["m1", 3], [4, {}], null]'])("that holds %j holds no drafts", (stored) => {
    expect(readKept(stored).size).toBe(0);
  });

  test("that is refused costs nothing but the reload", () => {
    const refused = () => {
      throw new Error("denied");
    };
    drafts = new Drafts(new Keeper(cabinet(refused)));
    type("yes");
    expect(() => drafts.close()).not.toThrow();
    expect(typed()).toBe("yes");
  });
});

describe("the way of an answer", () => {
  test("ends when the message moves on, however the two frames are ordered", () => {
    drafts.sending("m1", "yes");
    drafts.follow(message(1, { status: "sending" }));
    drafts.accepted("m1");
    expect(drafts.of("m1").way.value).toBe("none");
  });

  test("does not end because of an unrelated change before the kernel has taken it", () => {
    drafts.sending("m1", "yes");
    drafts.follow(message(1, { status: "pending" }));
    expect(drafts.of("m1").way.value).toBe("asked");
  });

  test("that was refused says why", () => {
    drafts.sending("m1", "yes");
    drafts.refused("m1", "too late");
    expect(drafts.of("m1").way.value).toBe("none");
    expect(drafts.of("m1").error.value).toBe("too late");
  });
});
