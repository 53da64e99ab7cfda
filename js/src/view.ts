/** The state of one view: what is open, what is filtered. Typed text is not here but in the app, or a view could lose it. */
import { effect, type Signal, signal, useComputed } from "@preact/signals";
import { createContext } from "preact";
import { useContext, useId } from "preact/hooks";
import type { App } from "./app";
import { Feed, NO_FILTER } from "./feed";
import type { Translate } from "./i18n";
import type { Peer } from "./people";
import { Queue } from "./queue";
import { WatchedMap } from "./storage";

export type DialogName = "connections" | "settings" | "shortcuts" | "selected";

/**
 * What a card can be switched to: its text as it was written, a long text in full. Of an approval: its parts once it is
 * settled, a long change in full, its arguments to be edited.
 */
export type Flag = "raw" | "open" | "parts" | "diff" | "edit";

let views = 0;

export class View {
  readonly feed: Feed;
  readonly queue: Queue;
  readonly dialog: Signal<DialogName | null> = signal<DialogName | null>(null);
  /** Who was just opened to be written to: the composer takes the focus. */
  readonly writing: Signal<Peer | null> = signal<Peer | null>(null);
  /** Whether the row of filters is open. */
  readonly filtersOpen: Signal<boolean> = signal(false);
  /** By message, as cards leave the page when they scroll away. */
  readonly flags: Readonly<Record<Flag, WatchedMap<true>>> = {
    raw: new WatchedMap<true>(),
    open: new WatchedMap<true>(),
    parts: new WatchedMap<true>(),
    diff: new WatchedMap<true>(),
    edit: new WatchedMap<true>(),
  };
  /** Keeps the list where it is while a card in it changes its height; the list that is shown says how. */
  holdPlace: () => void = () => {};
  /** Tells the ids of this view's elements from those of every other view on the page. */
  readonly name: string;

  constructor(readonly app: App) {
    this.feed = new Feed(app);
    this.queue = new Queue(app, this.feed);
    views += 1;
    this.name = `imc-${app.client.name}-${views}`;
  }

  /** Follows the kernel's log until the returned function is called. */
  start(): () => void {
    const stopFeed = this.feed.start();
    const stopQueue = this.queue.start();
    const stopForgetting = effect(() => {
      for (const flag of Object.values(this.flags)) flag.deleteAll(this.app.client.removed.value);
    });
    return () => {
      stopForgetting();
      stopQueue();
      stopFeed();
    };
  }

  /** Shows the conversation with a person, and writes to them. */
  converse(peer: Peer): void {
    this.app.chatDrafts.choose(peer);
    this.feed.filter.value = { ...NO_FILTER, peer };
    this.writing.value = peer;
  }

  showAll(): void {
    this.feed.filter.value = NO_FILTER;
  }
}

export const ViewContext = createContext<View | null>(null);

export function useView(): { view: View; app: App; t: Translate } {
  const view = useContext(ViewContext);
  if (!view) throw new Error("rendered outside a view");
  return { view, app: view.app, t: view.app.t.value };
}

/** A flag of one message's card, and how to turn it over. */
export function useFlag(name: Flag, messageId: string): [on: boolean, toggle: () => void] {
  const flag = useView().view.flags[name];
  const on = useComputed(() => flag.get(messageId) === true).value;
  return [on, () => flag.set(messageId, on ? undefined : true)];
}

/** An id that no other element of the page has: Preact's own begin anew in every view. */
export function useUid(): string {
  return `${useView().view.name}-${useId()}`;
}
