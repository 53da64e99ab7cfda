/** What the person has typed and not yet seen delivered. It outlives cards, filters, views and failed sends. */
import { effect, type Signal, signal } from "@preact/signals";
import { composeAnswer, type Draft, EMPTY_DRAFT } from "./answer";
import type { Keeper } from "./keep";
import type { Message } from "./protocol";

/** Earlier answers of this tab, walked with the arrow keys. */
const ANSWERS_MAX = 50;

interface Entry {
  readonly draft: Signal<Draft>;
  /** `asked`: with the kernel; `accepted`: the kernel has it, the message's status follows. */
  readonly way: Signal<"none" | "asked" | "accepted">;
  /** Prefix and suffix go around the answer, where the person has set any. */
  readonly wrap: Signal<boolean>;
  /** Why the kernel refused the last try. */
  readonly error: Signal<string>;
}

export class Drafts {
  readonly answers: string[] = [];
  /** Keys answered from this tab. */
  readonly answered = new Set<string>();
  private readonly entries = new Map<string, Entry>();
  /** Answers on their way: only our own delivery clears our own draft. */
  private readonly sent = new Map<string, string>();
  private readonly stops: (() => void)[] = [];

  constructor(private readonly keeper: Keeper) {}

  of(key: string): Entry {
    const known = this.entries.get(key);
    if (known) return known;
    const kept = this.keeper.restore(key);
    const entry: Entry = { draft: signal(kept), way: signal("none"), wrap: signal(true), error: signal("") };
    this.entries.set(key, entry);
    let saved = kept;
    this.stops.push(
      effect(() => {
        if (entry.draft.value !== saved) this.keeper.save(key, entry.draft.value);
        saved = entry.draft.value;
      }),
    );
    return entry;
  }

  /** Most messages never are, and an entry for each of them would be much. */
  private isTouched(key: string): boolean {
    return this.entries.has(key) || this.keeper.has(key);
  }

  close(): void {
    for (const stop of this.stops) stop();
    this.keeper.flush();
  }

  hasText(message: Message): boolean {
    return (
      this.isTouched(message.key) &&
      Boolean(composeAnswer(message.questions, this.of(message.key).draft.peek()))
    );
  }

  clear(key: string): void {
    this.of(key).draft.value = EMPTY_DRAFT;
  }

  sending(key: string, text: string): void {
    const entry = this.of(key);
    entry.way.value = "asked";
    entry.error.value = "";
    this.sent.set(key, text);
    this.answered.add(key);
    if (text && this.answers.at(-1) !== text) this.answers.push(text);
    if (this.answers.length > ANSWERS_MAX) this.answers.shift();
  }

  accepted(key: string): void {
    const entry = this.of(key);
    if (entry.way.peek() === "asked") entry.way.value = "accepted";
  }

  refused(key: string, error: string): void {
    const entry = this.of(key);
    entry.way.value = "none";
    entry.error.value = error;
    this.sent.delete(key);
  }

  /** Follows a message's fate: delivered as ours clears the draft, failed brings back what could not be delivered. */
  follow(message: Message): void {
    if (!this.isTouched(message.key) && message.status !== "failed") return;
    const entry = this.of(message.key);
    if (message.status !== "pending" || entry.way.peek() === "accepted") entry.way.value = "none";
    const delivered = message.status === "replied" || message.status === "confirmed";
    if (delivered && message.reply?.mine) {
      const text = this.sent.get(message.key) ?? message.reply.text;
      this.sent.delete(message.key);
      // Typed on while the answer was under way: that text is new and stays.
      if (composeAnswer(message.questions, entry.draft.peek()).trim() === text.trim())
        this.clear(message.key);
    } else if (message.status === "failed" && message.draft && !entry.draft.peek().text) {
      if (!this.hasText(message)) entry.draft.value = { ...EMPTY_DRAFT, text: message.draft };
    }
  }
}
