/** Answers that the person types, until they are known to have arrived. They outlive cards, filters and views. */
import { type Draft, EMPTY_DRAFT, isEmpty } from "./answer";
import { answerOf } from "./approval";
import { isAnswered, isOpen, isSendable } from "./message";
import type { Message } from "./model.gen";
import { type SafeStorage, StoredMap, WatchedMap } from "./storage";
import { isObject } from "./validate";

const STORAGE_KEY = "ipymultichat.drafts";
/** Earlier answers of this tab, walked with the arrow keys. */
const ANSWERS_MAX = 50;

/**
 * How far an answer has come: `held`: it can still be undone here; `asked`: the kernel is to send it; `accepted`: it will,
 * the message's status follows.
 */
export type SendState = "none" | "held" | "asked" | "accepted";

export interface AnswerState {
  readonly sendState: SendState;
  /** The text that was handed to the kernel, until the answer's fate is known. */
  readonly sent: string | null;
  /** Whether prefix and suffix go around the answer, where the person has set any. */
  readonly wrap: boolean;
  /** Why the kernel refused the last try, or "". */
  readonly error: string;
}

const AT_REST: AnswerState = { sendState: "none", sent: null, wrap: true, error: "" };

/** By the id of the message that is answered. */
export class Drafts {
  readonly answers: string[] = [];
  private readonly drafts: StoredMap<Draft>;
  private readonly states = new WatchedMap<AnswerState>();
  private readonly answered = new Set<string>();

  constructor(storage: SafeStorage) {
    this.drafts = new StoredMap(storage, STORAGE_KEY, readDraft);
  }

  draft(id: string): Draft {
    return this.drafts.get(id) ?? EMPTY_DRAFT;
  }

  /** Like `draft`, but whoever calls is not called again when something changes. */
  peek(id: string): Draft {
    return this.drafts.peek(id) ?? EMPTY_DRAFT;
  }

  state(id: string): AnswerState {
    return this.states.get(id) ?? AT_REST;
  }

  /** Whether an answer was sent from this tab. */
  isAnsweredHere(id: string): boolean {
    return this.answered.has(id);
  }

  /** Whether something is typed or chosen that could be sent. */
  hasText(message: Message): boolean {
    return this.textOf(message) !== "";
  }

  edit(id: string, change: Partial<Draft>): void {
    const draft = { ...this.peek(id), ...change };
    this.drafts.set(id, isEmpty(draft) ? undefined : draft);
  }

  setWrap(id: string, wrap: boolean): void {
    this.update(id, { wrap });
  }

  clear(id: string): void {
    this.drafts.set(id, undefined);
  }

  /** An answer is handed to the kernel. Returns false, and does nothing, when one is already on its way. */
  startSending(id: string, text: string, held = false): boolean {
    if ((this.states.peek(id) ?? AT_REST).sendState !== "none") return false;
    this.update(id, { sendState: held ? "held" : "asked", sent: text, error: "" });
    this.answered.add(id);
    if (text && this.answers.at(-1) !== text) this.answers.push(text);
    if (this.answers.length > ANSWERS_MAX) this.answers.shift();
    return true;
  }

  /** The time to undo it is over. */
  release(id: string): void {
    if (this.states.peek(id)?.sendState === "held") this.update(id, { sendState: "asked" });
  }

  accepted(id: string): void {
    if (this.states.peek(id)?.sendState === "asked") this.update(id, { sendState: "accepted" });
  }

  refused(id: string, error: string): void {
    this.update(id, { sendState: "none", sent: null, error });
  }

  /** The person gives the answer up: it counts as none from here. */
  giveUp(id: string): void {
    this.answered.delete(id);
  }

  /**
   * A message came in, new or changed. What was typed goes once the kernel keeps it: delivered as ours, or as the
   * message's draft when it ended otherwise. While it can be sent again, the kernel's draft comes back into the box.
   */
  follow(message: Message): void {
    const { id, status, reply } = message;
    if (!this.drafts.peek(id) && !this.states.peek(id) && !message.draft) return;
    const { sendState, sent } = this.states.peek(id) ?? AT_REST;
    // One that still waits may have changed in something else, before the kernel has even taken the answer.
    if (status !== "pending" || sendState === "accepted") this.update(id, { sendState: "none" });
    if (status === "sending") this.update(id, { error: "" });
    const text = this.textOf(message);
    if (isOpen(message)) {
      const fits = isSendable(message) && !message.options.length;
      if (!fits || !message.draft || text) return;
      this.edit(id, { text: message.draft });
      // Whatever was to stand around it is in it.
      this.setWrap(id, false);
      return;
    }
    const kept = isAnswered(message) && reply?.mine ? reply.text : message.draft;
    // What was typed on while the answer was under way is new, and stays. What was sent may be kept with a prefix.
    if (kept && [kept, sent].some((item) => item?.trim() === text.trim())) this.clear(id);
    this.update(id, { sent: null, wrap: true });
  }

  /** These messages are in the log no more: only text that was typed and not sent stays. */
  forget(ids: ReadonlySet<string>): void {
    this.states.deleteAll(ids);
    for (const id of ids) this.answered.delete(id);
  }

  /** Writes to the tab's storage what has not been written yet. */
  flush(): void {
    this.drafts.flush();
  }

  private textOf(message: Message): string {
    return answerOf(message, this.peek(message.id));
  }

  private update(id: string, change: Partial<AnswerState>): void {
    const state = { ...(this.states.peek(id) ?? AT_REST), ...change };
    const atRest = state.sendState === "none" && state.sent === null && state.wrap && !state.error;
    this.states.set(id, atRest ? undefined : state);
  }
}

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.map((item) => (typeof item === "string" ? item : "")) : [];

function readDraft(value: unknown): Draft | null {
  if (!isObject(value)) return null;
  return {
    text: typeof value.text === "string" ? value.text : "",
    chosen: Array.isArray(value.chosen) ? value.chosen.map(texts) : [],
    typed: texts(value.typed),
  };
}
