/** The state of one view: what is open, what is filtered. Typed text is not here but in the app, or a view could lose it. */
import { type Signal, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext, useId } from "preact/hooks";
import type { App } from "./app";
import { Feed, NO_FILTER } from "./feed";
import type { Translate } from "./i18n";
import type { Peer } from "./people";

export type DialogName = "connections" | "settings";

let views = 0;

export class View {
  readonly feed: Feed;
  readonly dialog: Signal<DialogName | null> = signal<DialogName | null>(null);
  /** The row of filters is open. */
  readonly finding: Signal<boolean> = signal(false);
  /** Remembered per message, as cards leave the page when they scroll away. */
  private readonly flags = new Map<string, Signal<boolean>>();

  /** Tells the ids of this view's elements from those of every other view on the page. */
  readonly name: string;

  constructor(readonly app: App) {
    this.feed = new Feed(app);
    views += 1;
    this.name = `imc-${app.client.name}-${views}`;
  }

  flag(name: "raw" | "open", key: string): Signal<boolean> {
    const id = `${name} ${key}`;
    const flag = this.flags.get(id) ?? signal(false);
    this.flags.set(id, flag);
    return flag;
  }

  converse(peer: Peer): void {
    this.app.recipient.value = peer;
    this.feed.filter.value = { ...NO_FILTER, peer };
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

/** An id that no other element of the page has: Preact's own begin anew in every view. */
export function useUid(): string {
  return `${useView().view.name}-${useId()}`;
}
