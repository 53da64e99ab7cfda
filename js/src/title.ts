/** How much waits, in the title of the browser's tab: where people look while they work elsewhere. */
import { effect, type ReadonlySignal } from "@preact/signals";
import type { App } from "./app";
import { URGENT_MS } from "./time";

const MARK = /^\(\d+!?\) /;
type Marks = Map<object, { count: number; urgent: boolean }>;
const SHARED = Symbol.for("ipymultichat.title");

/**
 * What each inbox of the page adds up to. It stands at the document, as every kernel brings a copy of this module: two that
 * did not know of each other would write over one another's title for ever.
 */
function marksOf(doc: Document & { [SHARED]?: Marks }): Marks {
  doc[SHARED] ??= new Map();
  return doc[SHARED];
}

function write(doc: Document): void {
  const all = [...marksOf(doc).values()];
  const count = all.reduce((sum, mark) => sum + mark.count, 0);
  const urgent = all.some((mark) => mark.urgent);
  const plain = doc.title.replace(MARK, "");
  const title = count ? `(${count}${urgent ? "!" : ""}) ${plain}` : plain;
  if (doc.title !== title) doc.title = title;
}

/** Whether somebody's time is nearly over; read every second while something has a deadline. */
const isUrgent = ({ waiting, clock }: App): boolean => {
  const deadline = waiting.value[0]?.deadline ?? null;
  return deadline !== null && deadline - clock.now.value <= URGENT_MS;
};

/** Keeps the count in the title until the returned function is called, also when the page gives itself another one. */
export function countInTitle(doc: Document, app: App, pending: ReadonlySignal<number>): () => void {
  const key = {};
  const marks = marksOf(doc);
  const element = doc.querySelector("title");
  const changes = new MutationObserver(() => write(doc));
  if (element) changes.observe(element, { childList: true, characterData: true, subtree: true });
  const stop = effect(() => {
    marks.set(key, { count: app.dead.value ? 0 : pending.value, urgent: isUrgent(app) });
    write(doc);
  });
  return () => {
    stop();
    changes.disconnect();
    marks.delete(key);
    write(doc);
  };
}
