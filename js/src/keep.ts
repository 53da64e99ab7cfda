/** Drafts outlive a reload of the page and another run of the cell: they are kept in this tab's own storage. */
import { type Draft, EMPTY_DRAFT } from "./answer";
import type { Cabinet } from "./storage";
import { isObject } from "./validate";

const STORAGE_KEY = "ipymultichat.drafts";
/** The newest drafts: a tab's storage is small, and shared with the host. */
const KEPT_MAX = 50;
const SAVE_MS = 300;

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

export function readKept(stored: string | null): Map<string, Draft> {
  const kept = new Map<string, Draft>();
  try {
    const fields: unknown = JSON.parse(stored ?? "null");
    if (!Array.isArray(fields)) return kept;
    for (const entry of fields) {
      const draft = Array.isArray(entry) ? readDraft(entry[1]) : null;
      if (draft && typeof entry[0] === "string") kept.set(entry[0], draft);
    }
  } catch {
    // Written by another version, or cut short: nothing to bring back.
  }
  return kept;
}

const isEmpty = (draft: Draft): boolean =>
  !draft.text && draft.chosen.every((labels) => !labels.length) && draft.typed.every((text) => !text);

export class Keeper {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly changed = new Map<string, Draft>();

  /** What an earlier page left. */
  private readonly left: ReadonlyMap<string, Draft>;

  constructor(private readonly store: Cabinet) {
    this.left = readKept(store.read(STORAGE_KEY));
  }

  has(key: string): boolean {
    return this.left.has(key);
  }

  restore(key: string): Draft {
    return this.left.get(key) ?? EMPTY_DRAFT;
  }

  save(key: string, draft: Draft): void {
    this.changed.set(key, draft);
    this.timer ??= setTimeout(() => this.flush(), SAVE_MS);
  }

  /** Read and written in one go: another widget in this tab keeps its drafts in the same place. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.changed.size) return;
    const kept = readKept(this.store.read(STORAGE_KEY));
    for (const [key, draft] of this.changed) {
      kept.delete(key);
      if (!isEmpty(draft)) kept.set(key, draft);
    }
    this.changed.clear();
    this.store.write(STORAGE_KEY, JSON.stringify([...kept].slice(-KEPT_MAX)));
  }
}
