/** The browser's window onto the kernel's log: pure functions from one state and one frame to the next state. */
import {
  compareOrder,
  type Epoch,
  type Message,
  type Order,
  type Page,
  type Patch,
  type Snapshot,
  type User,
} from "./protocol";

export interface Log {
  /** Null until the first snapshot. */
  readonly epoch: Epoch | null;
  readonly seq: number;
  readonly messages: readonly Message[];
  /** Older messages exist in the kernel. */
  readonly more: boolean;
  /**
   * From here on the window has no holes. A snapshot also carries pending requests older than its page, so the first
   * message is not always the place to page on from. Null: not known yet.
   */
  readonly floor: Order | null;
  readonly users: readonly User[];
}

export const EMPTY_LOG: Log = { epoch: null, seq: 0, messages: [], more: false, floor: null, users: [] };

const OPEN: ReadonlySet<string> = new Set(["pending", "sending", "failed"]);
/** Something may still happen to it, so a copy kept across a gap may be out of date. */
export const isOpen = (message: Message): boolean => OPEN.has(message.status);

const byOrder = (a: Message, b: Message): number => compareOrder(a.order, b.order);

/** Both lists as one, in order, each key once; `fresh` wins. */
export function merge(old: readonly Message[], fresh: readonly Message[]): Message[] {
  const latest = new Map(fresh.map((message) => [message.key, message]));
  const kept = old.filter((message) => !latest.has(message.key));
  return [...kept, ...latest.values()].sort(byOrder);
}

function pageFloor(messages: readonly Message[]): Order | null {
  return messages.find((message) => message.status !== "pending")?.order ?? null;
}

export function applySnapshot(log: Log, frame: Snapshot): Log {
  const messages = merge([], frame.messages);
  const floor = frame.more ? pageFloor(messages) : (messages[0]?.order ?? null);
  const next = {
    epoch: frame.epoch,
    seq: frame.seq,
    messages,
    more: frame.more,
    floor,
    users: frame.users,
  };
  return log.epoch === frame.epoch && floor && frame.more ? keepOlder(log, next, floor) : next;
}

/**
 * After a gap within one epoch, the pages the person has scrolled through stay, or the list would jump under their
 * eyes. They are kept only as far down as they are known to be still right and joined to the new window.
 */
function keepOlder(log: Log, next: Log, floor: Order): Log {
  const newest = log.messages.at(-1);
  if (!newest || !log.floor || compareOrder(newest.order, floor) < 0) return next;
  const known = new Set(next.messages.map((message) => message.key));
  const from = log.floor;
  let older = log.messages.filter(
    (message) => compareOrder(message.order, floor) < 0 && compareOrder(message.order, from) >= 0,
  );
  const stale = older.findLastIndex((message) => isOpen(message) && !known.has(message.key));
  older = older.slice(stale + 1);
  const first = older[0];
  if (!first) return next;
  return {
    ...next,
    messages: merge(older, next.messages),
    floor: first.order,
    more: stale >= 0 || log.more,
  };
}

export type PatchOutcome = "applied" | "repeat" | "gap";

export function applyPatch(log: Log, frame: Patch): readonly [Log, PatchOutcome] {
  if (log.epoch !== frame.epoch) return [log, "gap"];
  if (frame.seq <= log.seq) return [log, "repeat"];
  if (frame.seq !== log.seq + 1) return [log, "gap"];
  const gone = new Set(frame.remove);
  const touched = gone.size > 0 || frame.upsert.length > 0;
  const kept = gone.size ? log.messages.filter((message) => !gone.has(message.key)) : log.messages;
  return [
    {
      ...log,
      seq: frame.seq,
      messages: touched ? merge(kept, frame.upsert) : log.messages,
      users: frame.users ?? log.users,
    },
    "applied",
  ];
}

/** An answer to "older than `before`"; one asked for before the window moved is dropped. */
export function applyPage(log: Log, before: Order | null, page: Page): Log {
  if (log.floor !== before && !(log.floor && before && compareOrder(log.floor, before) === 0)) return log;
  const known = new Map(log.messages.map((message) => [message.key, message]));
  const fresh = page.messages.filter((message) => !known.has(message.key));
  const first = merge([], page.messages)[0];
  return {
    ...log,
    messages: merge(log.messages, fresh),
    floor: first?.order ?? log.floor,
    // A page with nothing in it cannot be paged on from, whatever it says.
    more: page.more && first !== undefined,
  };
}
