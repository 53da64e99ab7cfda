import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Message } from "../src/model.gen";
import { LAST_CALL_MS, Notifier } from "../src/notify";
import { DEFAULTS, type Prefs, readPrefs } from "../src/prefs";
import { message } from "./helpers";

let shown: string[];
let beeps: number;
let front: boolean;
let prefs: Prefs;
let living: Map<string, Message>;
let notifier: Notifier;
const arrive = (item: Message, isNew = true) => {
  living.set(item.id, item);
  notifier.take([item], () => isNew);
};
const question = (change = {}) => message(1, { status: "pending", ...change });

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
  shown = [];
  beeps = 0;
  front = false;
  prefs = { ...DEFAULTS, notify: ["question"], sound: ["chat"] };
  living = new Map();
  const port = {
    isInFront: () => front,
    show: (title: string, body: string) => void shown.push(`${title}: ${body}`),
    beep: () => {
      beeps += 1;
    },
  };
  notifier = new Notifier(port, {
    prefs: () => prefs,
    current: (item) => living.get(item.id),
    title: (item) => item.kind,
    lastCall: () => "soon over",
    now: () => Date.now(),
  });
});
afterEach(() => {
  notifier.close();
  vi.useRealTimers();
});

describe("a message", () => {
  test("of a chosen kind calls, each way on its own", () => {
    arrive(question());
    arrive(message(2, { kind: "chat", status: "received" }));
    expect(shown).toEqual(["question: text 1"]);
    expect(beeps).toBe(1);
  });

  test.each([
    ["nothing was chosen", () => Object.assign(prefs, DEFAULTS), question()],
    ["the notebook is in front", () => (front = true), question()],
    ["it is already answered", () => {}, message(1)],
    ["it is my own", () => {}, message(1, { kind: "chat", status: "sent", mine: true })],
  ])("does not call when %s", (_name, arrange, item) => {
    prefs = { ...prefs };
    arrange();
    arrive(item);
    expect(shown).toEqual([]);
    expect(beeps).toBe(0);
  });

  test("that was known already does not call", () => {
    arrive(question(), false);
    expect(shown).toEqual([]);
  });
});

describe("a question about to expire", () => {
  const deadline = 1_000_000 + 5 * LAST_CALL_MS;

  test("calls once more, even when it came with a snapshot", () => {
    arrive(question({ deadline }), false);
    vi.advanceTimersByTime(4 * LAST_CALL_MS);
    expect(shown).toEqual(["question: soon over"]);
    vi.advanceTimersByTime(10 * LAST_CALL_MS);
    expect(shown).toHaveLength(1);
  });

  test("does not call when it was answered meanwhile", () => {
    arrive(question({ deadline }));
    arrive(message(1, { deadline }), false);
    vi.advanceTimersByTime(9 * LAST_CALL_MS);
    expect(shown).toEqual(["question: text 1"]);
  });

  test("does not call when it was taken away meanwhile", () => {
    arrive(question({ deadline }), false);
    living.clear();
    vi.advanceTimersByTime(9 * LAST_CALL_MS);
    expect(shown).toEqual([]);
  });

  test("leaves no timer behind", () => {
    arrive(question({ deadline }));
    notifier.close();
    expect(vi.getTimerCount()).toBe(0);
  });
});

test.each([null, "{", "[]", '{"language":"xx","sendKey":3,"notify":["cake"],"sound":7,"quick":[1]}'])(
  "stored choices that read %j fall back to none",
  (stored) => {
    expect(readPrefs(stored)).toEqual(DEFAULTS);
  },
);
