/** The state of one view: what is open, what is filtered. Typed text is not here but in the app, or a view could lose it. */
import { type Signal, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { App, Peer } from "./app";
import { Feed, NO_FILTER } from "./feed";
import type { Translate } from "./i18n";

export type DialogName = "connections" | "settings";

export class View {
  readonly feed: Feed;
  readonly dialog: Signal<DialogName | null> = signal<DialogName | null>(null);
  /** The row of filters is open. */
  readonly finding: Signal<boolean> = signal(false);
  /** Remembered per message, as cards leave the page when they scroll away. */
  private readonly flags = new Map<string, Signal<boolean>>();

  constructor(readonly app: App) {
    this.feed = new Feed(app);
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
