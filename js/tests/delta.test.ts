/** Random schedules of everything that can happen to frames on their way from the kernel to the browser. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Client } from "../src/client";
import { compareOrder, type Order } from "../src/protocol";
import { raw } from "./helpers";

type Raw = ReturnType<typeof raw>;
type Frame = Record<string, unknown>;

const SEEDS = 150;
const STEPS = 80;
const PAGE = 20;
const STATUSES = ["sending", "replied", "failed"];

/** A small generator with a seed (mulberry32), so that a failing schedule can be run again. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The kernel's half: a log, patches of what changes in it, snapshots and pages on request. */
class Kernel {
  log: Raw[] = [];
  /** What had to make room; a browser that missed the word may go on showing it. */
  readonly dropped = new Set<unknown>();
  private epoch = "e1";
  private seq = 0;
  private numbers = 0;

  constructor(private readonly random: () => number) {}

  change(): Frame {
    const upsert: Raw[] = [];
    const remove: string[] = [];
    for (let n = 0; n <= this.random() * 3; n += 1) {
      const open = this.log.filter((message) => message.status !== "replied");
      const known = open[Math.floor(this.random() * open.length)];
      const oldest = this.log.find((message) => message.status === "replied");
      const dice = this.random();
      if (!known || dice < 0.6) {
        const fresh = raw(++this.numbers, { status: this.random() < 0.3 ? "replied" : "pending" });
        this.log.push(fresh);
        upsert.push(fresh);
      } else if (dice < 0.95) {
        const status = STATUSES[Math.floor(this.random() * STATUSES.length)];
        const changed = { ...known, status };
        this.log[this.log.indexOf(known)] = changed;
        upsert.push(changed);
      } else if (oldest && !upsert.includes(oldest)) {
        this.log.splice(this.log.indexOf(oldest), 1);
        this.dropped.add(oldest.id);
        remove.push(oldest.id as string);
      }
    }
    const latest = new Map(upsert.map((message) => [message.id, message]));
    this.seq += 1;
    return {
      type: "patch",
      epoch: this.epoch,
      seq: this.seq,
      now: this.seq,
      upsert: [...latest.values()],
      remove,
    };
  }

  clear(): void {
    this.epoch = `e${Math.floor(this.random() * 1e9)}`;
    this.seq = 0;
    this.log = this.log.filter((message) => message.status !== "replied");
  }

  answer(request: Frame): Frame | null {
    if (request.type === "sync") {
      const page = this.log.slice(-PAGE);
      const waiting = this.log.slice(0, -PAGE).filter((message) => message.status !== "replied");
      const { epoch, seq } = this;
      const more = this.log.length > PAGE;
      const messages = [...waiting, ...page];
      return { type: "snapshot", client: request.client, epoch, seq, now: seq, messages, more, users: [] };
    }
    if (request.type !== "page") return null;
    const before = request.before as Order | null;
    const older = before
      ? this.log.filter((message) => compareOrder(message.order as Order, before) < 0)
      : this.log;
    return {
      type: "page",
      client: request.client,
      ref: request.ref,
      messages: older.slice(-PAGE),
      more: older.length > PAGE,
    };
  }
}

function garbage(random: () => number, frame: Frame): unknown {
  const junk = [
    null,
    7,
    "patch",
    [],
    {},
    { type: "patch" },
    { ...frame, seq: "x" },
    { ...frame, upsert: [{}] },
  ];
  return junk[Math.floor(random() * junk.length)];
}

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

describe("whatever happens to frames on their way", () => {
  test.each(Array.from({ length: SEEDS }, (_, seed) => seed))("seed %i", async (seed) => {
    const random = generator(seed);
    const kernel = new Kernel(random);
    let calm = false;
    let inFlight: unknown[] = [];
    const put = (frame: Frame) => {
      const dice = calm ? 1 : random();
      if (dice < 0.1) return; // lost
      if (dice < 0.2) inFlight.push(garbage(random, frame));
      else if (dice < 0.3) inFlight.push(frame, frame);
      else if (dice < 0.4) inFlight.unshift(frame);
      else inFlight.push(frame);
    };
    const client = new Client((content) => {
      const frame = kernel.answer(content as Frame);
      if (frame) put(frame);
    });
    let shown = 0;
    const look = () => {
      const { messages } = client.log.value;
      const ids = messages.map((message) => message.id);
      expect(new Set(ids).size, "a message stands there twice").toBe(ids.length);
      const orders = messages.map((message) => message.order);
      expect(orders, "out of order").toEqual([...orders].sort(compareOrder));
      if (kernel.log.length > 0 && shown > 0)
        expect(messages.length, "the list went blank").toBeGreaterThan(0);
      shown = messages.length;
    };

    for (let n = 0; n < 30; n += 1) kernel.change();
    client.sync();
    for (let step = 0; step < STEPS; step += 1) {
      const dice = random();
      if (dice < 0.6) put(kernel.change());
      else if (dice < 0.62) kernel.clear();
      else if (dice < 0.7) void client.older(PAGE);
      const now = inFlight;
      inFlight = [];
      for (const frame of now) {
        client.receive(frame);
        look();
      }
      await vi.advanceTimersByTimeAsync(random() * 400);
    }
    calm = true;
    for (let n = 0; n < 3; n += 1) {
      put(kernel.change());
      for (let round = 0; round < 5; round += 1) {
        const now = inFlight;
        inFlight = [];
        for (const frame of now) client.receive(frame);
        await vi.advanceTimersByTimeAsync(31_000);
      }
      look();
    }
    for (let page = 0; client.log.value.more && page < 30; page += 1) {
      void client.older(PAGE);
      for (const frame of inFlight.splice(0)) client.receive(frame);
      await vi.advanceTimersByTimeAsync(0);
    }
    const told = (message: { id?: unknown; status?: unknown }) => `${message.id} ${message.status}`;
    const shownAtLast = client.log.value.messages.filter((message) => !kernel.dropped.has(message.id));
    expect(shownAtLast.map(told)).toEqual(kernel.log.map(told));
    expect(client.phase.value).toBe("live");
    client.close();
  });
});
