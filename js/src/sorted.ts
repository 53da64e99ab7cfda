/**
 * Lists of messages in the order of the log. The window may hold a hundred thousand, and every patch goes through here:
 * nothing is sorted again, and nothing is looked up but by its place, which a message keeps for as long as the epoch.
 */
import type { Message } from "./model.gen";
import { compareOrder, type Order } from "./protocol";

type List = readonly Message[];

const byOrder = (a: Message, b: Message): number => compareOrder(a.order, b.order);

/** Where the messages from this place on begin. */
export function lowerBound(list: List, order: Order): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareOrder((list[middle] as Message).order, order) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The index of a message, by its place and id, or -1. */
export function indexOf(list: List, { id, order }: Message): number {
  for (let index = lowerBound(list, order); index < list.length; index += 1) {
    const here = list[index] as Message;
    if (here.id === id) return index;
    if (compareOrder(here.order, order) !== 0) break;
  }
  return -1;
}

/** The list's own copy of a message. */
export const find = (list: List, message: Message): Message | undefined => list[indexOf(list, message)];

/** How many messages stand after a place. */
export function countAfter(list: List, order: Order, counts: (message: Message) => boolean): number {
  let count = 0;
  for (let index = list.length - 1; index >= 0; index -= 1) {
    const message = list[index] as Message;
    if (compareOrder(message.order, order) <= 0) break;
    if (counts(message)) count += 1;
  }
  return count;
}

/** Both lists as one, in order, each id once; `fresh` wins, and may come in any order. */
export function merge(old: List, fresh: List): Message[] {
  const changed = old.slice();
  const added = new Map<string, Message>();
  for (const message of fresh) {
    const index = indexOf(old, message);
    if (index >= 0) changed[index] = message;
    else added.set(message.id, message);
  }
  const coming = [...added.values()].sort(byOrder);
  const first = coming[0];
  if (!first) return changed;
  const from = lowerBound(changed, first.order);
  // Nearly always an end of the list: new messages behind it, a page before it.
  if (from === changed.length) return changed.concat(coming);
  return changed.slice(0, from).concat(weave(changed.slice(from), coming));
}

function weave(a: List, b: List): Message[] {
  const woven: Message[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    const [left, right] = [a[i] as Message, b[j] as Message];
    const takesLeft = byOrder(left, right) <= 0;
    woven.push(takesLeft ? left : right);
    if (takesLeft) i += 1;
    else j += 1;
  }
  return woven.concat(a.slice(i), b.slice(j));
}

/**
 * Filters a list again that has changed since. Messages that did not change are the same objects, and only what lies
 * between the first and the last difference is tested.
 *
 * @param before the list as it was.
 * @param kept what was left of it then.
 * @param now the list as it is.
 * @param test whether a message stays.
 */
export function refilter(
  before: List,
  kept: List,
  now: List,
  test: (message: Message) => boolean,
): readonly Message[] {
  const shorter = Math.min(before.length, now.length);
  let start = 0;
  while (start < shorter && before[start] === now[start]) start += 1;
  if (start === before.length && start === now.length) return kept;
  let end = 0;
  while (end < shorter - start && before[before.length - 1 - end] === now[now.length - 1 - end]) end += 1;
  const place = (index: number): number => {
    const message = before[index];
    return message ? lowerBound(kept, message.order) : kept.length;
  };
  const changed = now.slice(start, now.length - end).filter(test);
  return kept.slice(0, place(start)).concat(changed, kept.slice(place(before.length - end)));
}
