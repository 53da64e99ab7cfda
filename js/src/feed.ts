/** What one view shows: the log, or what a filter or an open conversation leaves of it, searched through to the oldest. */
import { computed, effect, type ReadonlySignal, type Signal, signal, untracked } from "@preact/signals";
import type { App } from "./app";
import { peerOf } from "./message";
import type { Kind, Message, Status } from "./model.gen";
import { type Peer, peerKey } from "./people";
import type { Order, PageFilter } from "./protocol";
import { find, merge, refilter } from "./sorted";
import { isWaiting } from "./urgency";

export interface Filter {
  readonly search: string;
  readonly kind: Kind | "";
  readonly server_id: string;
  readonly agent: string;
  readonly project: string;
  readonly status: Status | "";
  readonly pending: boolean;
  /** An open conversation: chat with this person only. */
  readonly peer: Peer | null;
}

export const NO_FILTER: Filter = {
  search: "",
  kind: "",
  server_id: "",
  agent: "",
  project: "",
  status: "",
  pending: false,
  peer: null,
};
/** What narrows the list besides a search, "pending only" and a conversation. */
const hasParts = ({ kind, server_id, agent, project, status }: Filter): boolean =>
  Boolean(kind || server_id || agent || project || status);

/** Whether there is more to a filter than "pending only" or a conversation. */
export const isNarrowed = (filter: Filter): boolean => Boolean(filter.search.trim()) || hasParts(filter);

const PAGE = 50;
const PAGE_MAX = 500;
/** Somebody who wants the next page this soon is on the way to somewhere far up: it is twice as large. */
const HURRY_MS = 2_000;

export const isFiltered = (filter: Filter): boolean =>
  Boolean(isNarrowed(filter) || filter.pending || filter.peer);

/** What counts as seen when the end of the list is in view: everything, one conversation, or null: nothing for certain. */
export function seenScope(filter: Filter): "all" | Peer | null {
  if (filter.search.trim() || filter.pending) return null;
  return filter.peer ?? (hasParts(filter) ? null : "all");
}

export function toPageFilter(filter: Filter): PageFilter {
  const kind = filter.peer ? "chat" : filter.kind;
  const serverId = filter.peer?.server_id ?? filter.server_id;
  return {
    ...(filter.search.trim() && { search: filter.search.trim() }),
    ...(kind && { kind }),
    ...(serverId && { server_id: serverId }),
    ...(!filter.peer && filter.agent && { agent: filter.agent }),
    ...(!filter.peer && filter.project && { project: filter.project }),
    ...(!filter.peer && filter.status && { status: filter.status }),
    ...(filter.pending && { pending: true }),
    ...(filter.peer && { peer: filter.peer.nickname }),
  };
}

/** Whether a message meets a filter but for its search and "pending only", which are left to others. */
export function fits(filter: Filter, message: Message): boolean {
  if (filter.peer) return message.kind === "chat" && peerKey(peerOf(message)) === peerKey(filter.peer);
  if (filter.kind && message.kind !== filter.kind) return false;
  if (filter.agent && message.agent_name !== filter.agent) return false;
  if (filter.project && message.project_directory !== filter.project) return false;
  if (filter.status && message.status !== filter.status) return false;
  return !filter.server_id || message.server_id === filter.server_id;
}

/** A test for what is searched for, field by field: a search may go through a hundred thousand messages. */
export function makeSearch(search: string): (message: Message) => boolean {
  const wanted = search.trim().toLowerCase();
  const holds = (field: string): boolean => field.toLowerCase().includes(wanted);
  return (message) =>
    holds(message.text) ||
    holds(message.agent_name) ||
    holds(message.model_name) ||
    holds(message.client_name) ||
    holds(message.project_directory) ||
    holds(message.sender) ||
    holds(message.receiver) ||
    holds(message.reply?.text ?? "") ||
    message.options.some(
      (question) => holds(question.question) || question.options.some(({ label }) => holds(label)),
    );
}

/** What the kernel has found, also beyond the window. */
interface Found {
  readonly messages: readonly Message[];
  readonly before: Order | null;
  readonly more: boolean;
}

const NOTHING_YET: Found = { messages: [], before: null, more: true };

/** What a filter left of the window, in which state of the window. */
interface Filtered {
  readonly filter: Filter;
  readonly from: readonly Message[];
  readonly kept: readonly Message[];
  /** Ids of the requests that stand in the list while "pending only" is on. */
  readonly waited: Set<string>;
}

const filtered = (filter: Filter): Filtered => ({ filter, from: [], kept: [], waited: new Set() });

export class Feed {
  readonly filter: Signal<Filter> = signal(NO_FILTER);
  readonly loading: Signal<boolean> = signal(false);
  readonly rows: ReadonlySignal<readonly Message[]>;
  readonly more: ReadonlySignal<boolean>;
  private readonly found: Signal<Found> = signal(NOTHING_YET);
  /** Counts filters, so that a page for an earlier one is dropped. */
  private round = 0;
  private last: Filtered = filtered(NO_FILTER);
  private limit = PAGE;
  private lastPageAt = 0;

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
        this.loading.value = false;
        this.found.value = NOTHING_YET;
        if (active) void this.older();
      });
    });
    const stopRemove = effect(() => {
      const removed = this.app.client.removed.value;
      for (const id of removed) this.last.waited.delete(id);
      const found = this.found.peek();
      if (found.messages.some((message) => removed.has(message.id))) {
        this.found.value = { ...found, messages: found.messages.filter(({ id }) => !removed.has(id)) };
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
    const hurry = Date.now() - this.lastPageAt < HURRY_MS;
    this.limit = hurry ? Math.min(this.limit * 2, PAGE_MAX) : PAGE;
    this.loading.value = true;
    try {
      if (isFiltered(this.filter.peek())) await this.search(round);
      else await this.app.client.older(this.limit);
    } finally {
      this.lastPageAt = Date.now();
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
    const here = this.filterWindow(filter, messages);
    // The window's copy of a message is the living one; what was found may have moved on since.
    const found = this.found.value.messages
      .map((message) => find(messages, message) ?? message)
      .filter((message) => fits(filter, message));
    const rows = merge(here, found);
    return filter.pending ? rows.filter((message) => this.isPending(message)) : rows;
  }

  /** A window can be large: after a patch only what it changed is looked at again. */
  private filterWindow(filter: Filter, messages: readonly Message[]): readonly Message[] {
    if (this.last.filter !== filter) this.last = filtered(filter);
    const { from, kept } = this.last;
    const holds = makeSearch(filter.search);
    const now = refilter(
      from,
      kept,
      messages,
      (message) => fits(filter, message) && (!filter.pending || this.isPending(message)) && holds(message),
    );
    this.last = { ...this.last, from: messages, kept: now };
    return now;
  }

  /**
   * Whether a message belongs under "pending only": a request that is open; and, to show what has become of it, one that
   * was open under this filter and was answered from here, or holds what the person typed for it.
   */
  private isPending(message: Message): boolean {
    const { id } = message;
    const { waited } = this.last;
    const { drafts } = this.app;
    if (isWaiting(message)) waited.add(id);
    else if (!drafts.isAnsweredHere(id) && !drafts.hasText(message)) waited.delete(id);
    return waited.has(id);
  }
}
