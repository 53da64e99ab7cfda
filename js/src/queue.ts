/** The requests that wait, as a queue: which is open, which are selected, where an answer leads to. One per view. */
import { batch, computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { type Draft, EMPTY_DRAFT } from "./answer";
import type { App } from "./app";
import { type Feed, NO_FILTER } from "./feed";
import { isRequest, isSendable } from "./message";
import type { Message } from "./model.gen";
import { byUrgency, isWaiting, likeness, projectName } from "./urgency";

export type GroupBy = "" | "agent_name" | "project_directory";

/** Requests that stand together; without a grouping all that wait are one group without a name. */
export interface Group {
  readonly name: string;
  readonly messages: readonly Message[];
}

/** Where the focus is to go once it is drawn: to the answer of a message, or to its card. */
export interface Goal {
  readonly id: string;
  readonly part: "answer" | "card";
}

export class Queue {
  readonly groupBy: Signal<GroupBy> = signal<GroupBy>("");
  /** What still waits, most urgent first, in groups. */
  readonly groups: ReadonlySignal<readonly Group[]>;
  /** What was answered from here while the queue was shown, and what is on its way. */
  readonly answered: ReadonlySignal<readonly Message[]>;
  /** What waits and is to be seen later. */
  readonly snoozed: ReadonlySignal<readonly Message[]>;
  /** The id of the message that is open for answering. */
  readonly open: Signal<string | null> = signal<string | null>(null);
  readonly goal: Signal<Goal | null> = signal<Goal | null>(null);
  readonly selected: Signal<ReadonlySet<string>> = signal<ReadonlySet<string>>(new Set());
  /** What is typed or chosen for all that are selected. */
  readonly draft: Signal<Draft> = signal(EMPTY_DRAFT);
  private readonly rows: ReadonlySignal<readonly Message[]>;
  /** The message that last had the focus. */
  private here = "";
  /** From here a range is selected. */
  private anchor = "";

  constructor(
    private readonly app: App,
    private readonly feed: Feed,
  ) {
    const waits = computed(() => this.listed.filter((message) => this.waits(message)));
    this.snoozed = computed(() => waits.value.filter(({ id }) => app.snoozes.sleeps(id)));
    this.groups = computed(() =>
      group(
        waits.value.filter(({ id }) => !app.snoozes.sleeps(id)),
        this.groupBy.value,
      ),
    );
    this.answered = computed(() => this.listed.filter((message) => !this.waits(message)));
    this.rows = computed(() => this.groups.value.flatMap(({ messages }) => messages));
  }

  /** Keeps one open and the selection true until the returned function is called. */
  start(): () => void {
    const stopOpen = effect(() => {
      if (!this.shown) this.open.value = null;
      else if (!this.find(this.open.value)) this.open.value = this.rows.value[0]?.id ?? null;
    });
    const pending = computed(() => this.shown);
    const stopHere = effect(() => {
      pending.value;
      this.here = "";
    });
    const stopSelected = effect(() => {
      const waiting = new Set(
        this.app.waiting.value.filter((message) => this.waits(message)).map(({ id }) => id),
      );
      const kept = [...this.selected.value].filter((id) => waiting.has(id));
      if (kept.length < this.selected.value.size) this.selected.value = new Set(kept);
    });
    return () => {
      stopOpen();
      stopHere();
      stopSelected();
    };
  }

  /** Whether the view shows the queue. */
  get shown(): boolean {
    return this.feed.filter.value.pending;
  }

  /** Whether an answer can be given: none is on its way. */
  waits(message: Message): boolean {
    return (
      isRequest(message) && isSendable(message) && this.app.drafts.state(message.id).sendState === "none"
    );
  }

  /** The focus is on this message. */
  visit(id: string): void {
    this.here = id;
  }

  /** The message that the person is at: it last had the focus, or is open; else "". */
  get current(): string {
    return this.targets.some(({ id }) => id === this.here) ? this.here : (this.open.peek() ?? "");
  }

  /** Opens a message for answering. */
  show(id: string, part: Goal["part"]): void {
    batch(() => {
      this.here = id;
      if (this.shown) this.open.value = id;
      this.goal.value = { id, part };
    });
  }

  /**
   * Goes on to the next or the previous one that waits, around the end. From nowhere: to the one that is open, else to
   * the most urgent. Where the list leaves them all out, the queue is shown.
   */
  step(by: 1 | -1, part: Goal["part"]): void {
    if (!this.targets.length && this.app.waiting.peek().length)
      this.feed.filter.value = { ...NO_FILTER, pending: true };
    const { targets } = this;
    const here = targets.findIndex(({ id }) => id === this.here);
    const start = targets.find(({ id }) => id === this.open.peek()) ?? targets[0];
    const next = here < 0 ? start : targets[(here + by + targets.length) % targets.length];
    if (next) this.show(next.id, part);
  }

  /** An answer goes out: in the queue the one that comes after it is next, else the focus stays with its card. */
  leave(id: string): void {
    if (!this.shown) {
      if (id) this.goal.value = { id, part: "card" };
      return;
    }
    const rows = this.rows.peek();
    const here = rows.findIndex((message) => message.id === id);
    const next =
      rows.find((message, index) => index > here && message.id !== id) ??
      rows.find((message) => message.id !== id);
    if (next) this.show(next.id, "answer");
    else this.goal.value = { id: "", part: "card" };
  }

  /** Whether a message can be selected beside those that are. */
  fits(message: Message): boolean {
    const [first] = this.chosen();
    return this.waits(message) && (!first || likeness(first) === likeness(message));
  }

  /** Selects a message or takes it out; as a range: all from the last one that was switched. */
  select(message: Message, range = false): void {
    const { targets } = this;
    const [from, to] = [this.anchor, message.id].map((id) => targets.findIndex((item) => item.id === id)) as [
      number,
      number,
    ];
    const on = !this.selected.peek().has(message.id);
    const many =
      range && from >= 0 && to >= 0 ? targets.slice(Math.min(from, to), Math.max(from, to) + 1) : [message];
    const next = new Set(this.selected.peek());
    for (const item of many) {
      if (!on) next.delete(item.id);
      else if (likeness(item) === likeness(this.chosen()[0] ?? message)) next.add(item.id);
    }
    this.anchor = message.id;
    this.selected.value = next;
  }

  clear(): void {
    batch(() => {
      this.selected.value = new Set();
      this.draft.value = EMPTY_DRAFT;
    });
  }

  /** Those that are selected, most urgent first. */
  chosen(): readonly Message[] {
    return this.app.waiting.value.filter(({ id }) => this.selected.value.has(id));
  }

  /** What waits among what the view shows. */
  private get targets(): readonly Message[] {
    if (this.shown) return this.rows.value;
    const { snoozes } = this.app;
    return this.feed.rows.value
      .filter((message) => this.waits(message) && !snoozes.sleeps(message.id))
      .sort(byUrgency);
  }

  private get listed(): readonly Message[] {
    return this.shown ? [...this.feed.rows.value].sort(byUrgency) : [];
  }

  private find(id: string | null): Message | undefined {
    return this.feed.rows.value.find((message) => message.id === id);
  }
}

function group(messages: readonly Message[], by: GroupBy): readonly Group[] {
  if (!by) return messages.length ? [{ name: "", messages }] : [];
  const found = new Map<string, Message[]>();
  for (const message of messages) {
    const name = by === "agent_name" ? message.agent_name : projectName(message.project_directory);
    found.set(name, [...(found.get(name) ?? []), message]);
  }
  return [...found].map(([name, members]) => ({ name, messages: members }));
}

/** How many wait, by server and by project. */
export function tally(
  messages: readonly Message[],
  key: "server_id" | "project_directory",
): Map<string, number> {
  const counts = new Map<string, number>();
  for (const message of messages.filter((item) => isWaiting(item) && item[key])) {
    counts.set(message[key], (counts.get(message[key]) ?? 0) + 1);
  }
  return counts;
}
