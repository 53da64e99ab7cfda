/** The browser's window onto the kernel's log: pure functions from one state and one frame to the next state. */
import { isOpen } from "./message";
import type { Message } from "./model.gen";
import {
  type Conversation,
  compareOrder,
  type Epoch,
  type Order,
  type Page,
  type Patch,
  type Snapshot,
  type User,
  type UserId,
} from "./protocol";
import { indexOf, lowerBound, merge } from "./sorted";

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
  readonly completeFrom: Order | null;
  /** Some of those online; `userCount` is how many there are. */
  readonly users: readonly User[];
  readonly userCount: number;
  readonly conversations: readonly Conversation[];
}

export const EMPTY_LOG: Log = {
  epoch: null,
  seq: 0,
  messages: [],
  more: false,
  completeFrom: null,
  users: [],
  userCount: 0,
  conversations: [],
};

/** Where the page of a snapshot begins, as far as that is certain: what is open may be older than the page. */
function pageStart(messages: readonly Message[]): Order | null {
  return messages.find((message) => !isOpen(message))?.order ?? null;
}

export function applySnapshot(log: Log, frame: Snapshot): Log {
  const messages = merge([], frame.messages);
  const completeFrom = frame.more ? pageStart(messages) : (messages[0]?.order ?? null);
  const next = {
    epoch: frame.epoch,
    seq: frame.seq,
    messages,
    more: frame.more,
    completeFrom,
    users: frame.users,
    userCount: frame.user_count,
    conversations: frame.conversations,
  };
  return log.epoch === frame.epoch && completeFrom && frame.more ? keepOlder(log, next, completeFrom) : next;
}

/**
 * After a gap within one epoch, the pages the person has scrolled through stay, or the list would jump under their
 * eyes. They are kept only as far down as they are known to be still right and joined to the new window.
 */
function keepOlder(log: Log, next: Log, from: Order): Log {
  const newest = log.messages.at(-1);
  if (!newest || !log.completeFrom || compareOrder(newest.order, from) < 0) return next;
  const first = lowerBound(log.messages, log.completeFrom);
  let older = log.messages.slice(first, lowerBound(log.messages, from));
  // An open one that the snapshot does not have is over; where it stands now, and what is before it, is not known.
  const stale = older.findLastIndex((message) => isOpen(message) && indexOf(next.messages, message) < 0);
  older = older.slice(stale + 1);
  const oldest = older[0];
  if (!oldest) return next;
  return {
    ...next,
    messages: merge(older, next.messages),
    completeFrom: oldest.order,
    more: stale >= 0 || log.more,
  };
}

const userKey = (user: UserId): string => JSON.stringify([user.server_id, user.client_id]);

function applyUsers(users: readonly User[], { users: came, users_gone: gone }: Patch): readonly User[] {
  if (!came.length && !gone.length) return users;
  const known = new Map(users.map((user) => [userKey(user), user]));
  for (const user of gone) known.delete(userKey(user));
  for (const user of came) known.set(userKey(user), user);
  return [...known.values()];
}

export type PatchOutcome = "applied" | "repeat" | "gap";

export function applyPatch(log: Log, frame: Patch): readonly [Log, PatchOutcome] {
  if (log.epoch !== frame.epoch) return [log, "gap"];
  if (frame.seq <= log.seq) return [log, "repeat"];
  if (frame.seq !== log.seq + 1) return [log, "gap"];
  const gone = new Set(frame.remove);
  const touched = gone.size > 0 || frame.upsert.length > 0;
  const kept = gone.size ? log.messages.filter((message) => !gone.has(message.id)) : log.messages;
  return [
    {
      ...log,
      seq: frame.seq,
      messages: touched ? merge(kept, frame.upsert) : log.messages,
      users: applyUsers(log.users, frame),
      userCount: frame.user_count ?? log.userCount,
      conversations: frame.conversations ?? log.conversations,
    },
    "applied",
  ];
}

/** An answer to "older than `before`"; one asked for before the window moved is dropped. */
export function applyPage(log: Log, before: Order | null, page: Page): Log {
  const { completeFrom } = log;
  if (completeFrom !== before && !(completeFrom && before && compareOrder(completeFrom, before) === 0))
    return log;
  // By id, not by place: what comes from the disk may have been written by another kernel, which saw it in its own order.
  const fresh = new Map(page.messages.map((message) => [message.id, message]));
  for (const { id } of log.messages) fresh.delete(id);
  const first = merge([], page.messages)[0];
  return {
    ...log,
    messages: merge(log.messages, [...fresh.values()]),
    completeFrom: first?.order ?? completeFrom,
    // A page with nothing in it cannot be paged on from, whatever it says.
    more: page.more && first !== undefined,
  };
}
