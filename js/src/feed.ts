/** What one view shows: the log, or what a filter or an open conversation leaves of it, searched through to the oldest. */
import { computed, effect, type ReadonlySignal, type Signal, signal, untracked } from "@preact/signals";
import { type App, peerOf } from "./app";
import { type Peer, peerKey } from "./people";
import type { Kind, Message, Order, PageFilter } from "./protocol";
import { find, merge, refilter } from "./sorted";
import { isOpen } from "./store";

export interface Filter {
  readonly text: string;
  readonly kind: Kind | "";
  readonly server_id: string;
  readonly pending: boolean;
  /** An open conversation: chat with this person only. */
  readonly peer: Peer | null;
}

export const NO_FILTER: Filter = { text: "", kind: "", server_id: "", pending: false, peer: null };
const PAGE = 50;
const PAGE_MAX = 500;
/** Somebody who wants the next page this soon is on the way to somewhere far up: it is twice as large. */
const HURRY_MS = 2_000;

export const isFiltered = (filter: Filter): boolean =>
  Boolean(filter.text.trim() || filter.kind || filter.server_id || filter.pending || filter.peer);

/** What being at the end of the list makes seen: everything, one conversation, or nothing for certain. */
export function scopeOf({ text, pending, peer, kind, server_id }: Filter): "all" | Peer | null {
  if (text.trim() || pending) return null;
  return peer ?? (kind || server_id ? null : "all");
}

export function toPageFilter(filter: Filter): PageFilter {
  const kind = filter.peer ? "chat" : filter.kind;
  const serverId = filter.peer?.server_id ?? filter.server_id;
  return {
    ...(filter.text.trim() && { text: filter.text.trim() }),
    ...(kind && { kind }),
    ...(serverId && { server_id: serverId }),
    ...(filter.pending && { pending: true }),
    ...(filter.peer && { peer: filter.peer.nickname }),
  };
}

/** Everything but the text, which only the kernel can judge for messages beyond the window. */
export function fits(filter: Filter, message: Message): boolean {
  if (filter.peer) return message.kind === "chat" && peerKey(peerOf(message)) === peerKey(filter.peer);
  if (filter.kind && message.kind !== filter.kind) return false;
  return !filter.server_id || message.server_id === filter.server_id;
}

/** Whether a message holds a text; field by field, as a search may go through a hundred thousand of them. */
export function holding(text: string): (message: Message) => boolean {
  const needle = text.trim().toLowerCase();
  const inside = (field: string): boolean => field.toLowerCase().includes(needle);
  return ({ text, agent, model, client, project, sender, receiver, reply }) =>
    inside(text) || [agent, model, client, project, sender, receiver, reply?.text ?? ""].some(inside);
}

interface Found {
  readonly messages: readonly Message[];
  readonly before: Order | null;
  readonly more: boolean;
}

const NOTHING_YET: Found = { messages: [], before: null, more: true };

/** What a filter leaves of the window, and of which state of the window. */
interface Sifted {
  readonly filter: Filter;
  readonly from: readonly Message[];
  readonly kept: readonly Message[];
}

export class Feed {
  readonly filter: Signal<Filter> = signal(NO_FILTER);
  readonly loading: Signal<boolean> = signal(false);
  readonly rows: ReadonlySignal<readonly Message[]>;
  readonly more: ReadonlySignal<boolean>;
  private readonly found: Signal<Found> = signal(NOTHING_YET);
  /** Counts filters, so that a page for an earlier one is dropped. */
  private round = 0;
  /** Answered before the filter was set; what is answered while "pending only" is on stays, to show its fate. */
  private answeredBefore: ReadonlySet<string> = new Set();
  private sifted: Sifted = { filter: NO_FILTER, from: [], kept: [] };
  private limit = PAGE;
  private lastPage = 0;

  constructor(private readonly app: App) {
    this.rows = computed(() => this.select());
    this.more = computed(() =>
      isFiltered(this.filter.value) ? this.found.value.more : app.client.log.value.more,
    );
  }

  /** Runs the search again whenever the filter changes or the kernel's log is another one. */
  start(): () => void {
    const epoch = computed(() => this.app.client.log.value.epoch);
    const stopSearch = effect(() => {
      const active = isFiltered(this.filter.value) && epoch.value !== null;
      untracked(() => {
        this.round += 1;
        this.answeredBefore = new Set(this.app.drafts.answered);
        this.loading.value = false;
        this.found.value = NOTHING_YET;
        if (active) void this.older();
      });
    });
    const stopRemove = effect(() => {
      const removed = this.app.client.removed.value;
      const found = this.found.peek();
      if (found.messages.some((message) => removed.has(message.key))) {
        this.found.value = { ...found, messages: found.messages.filter(({ key }) => !removed.has(key)) };
      }
    });
    return () => {
      stopSearch();
      stopRemove();
    };
  }

  set(change: Partial<Filter>): void {
    this.filter.value = { ...this.filter.value, ...change };
  }

  async older(): Promise<void> {
    if (this.loading.peek() || !this.more.peek()) return;
    const round = this.round;
    const hurry = Date.now() - this.lastPage < HURRY_MS;
    this.limit = hurry ? Math.min(this.limit * 2, PAGE_MAX) : PAGE;
    this.loading.value = true;
    try {
      if (isFiltered(this.filter.peek())) await this.search(round);
      else await this.app.client.older(this.limit);
    } finally {
      this.lastPage = Date.now();
      if (round === this.round) this.loading.value = false;
    }
  }

  private async search(round: number): Promise<void> {
    const filter = this.filter.peek();
    const { messages, before } = this.found.peek();
    const page = await this.app.client.page(before, this.limit, toPageFilter(filter));
    if (!page || round !== this.round) return;
    const first = merge([], page.messages)[0];
    this.found.value = {
      messages: merge(messages, page.messages),
      before: first?.order ?? before,
      more: page.more && first !== undefined,
    };
  }

  private select(): readonly Message[] {
    const filter = this.filter.value;
    const { messages } = this.app.client.log.value;
    if (!isFiltered(filter)) return messages;
    const here = this.sift(filter, messages);
    // The window's copy of a message is the living one; what was found may have moved on since.
    const found = this.found.value.messages.map((message) => find(messages, message) ?? message);
    const rows = merge(here, found);
    return filter.pending ? rows.filter((message) => this.waits(message)) : rows;
  }

  /** A window can be large: after a patch only what it changed is looked at again. */
  private sift(filter: Filter, messages: readonly Message[]): readonly Message[] {
    const { from, kept } = this.sifted.filter === filter ? this.sifted : { from: [], kept: [] };
    const holds = holding(filter.text);
    const now = refilter(
      from,
      kept,
      messages,
      (message) => fits(filter, message) && (!filter.pending || this.waits(message)) && holds(message),
    );
    this.sifted = { filter, from: messages, kept: now };
    return now;
  }

  private waits(message: Message): boolean {
    if (message.kind !== "chat" && isOpen(message)) return true;
    const { drafts } = this.app;
    if (drafts.answered.has(message.key)) return !this.answeredBefore.has(message.key);
    return message.kind !== "chat" && drafts.hasText(message);
  }
}
