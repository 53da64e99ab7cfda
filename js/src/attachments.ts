/** Files that wait to go out with an answer: handed to the kernel at once, so that sending is quick. */
import { type Signal, signal } from "@preact/signals";
import type { Client } from "./client";
import { FILE_MAX, upload } from "./transfer";

/** The kernel keeps a file for ten minutes; one older than this is handed over again before it is sent. */
const STALE_MS = 9 * 60_000;

export interface Attachment {
  readonly id: string;
  readonly file: File;
  /** Bytes the kernel has confirmed. */
  readonly sent: number;
  readonly state: "moving" | "ready" | "failed";
  /** Why it failed: a sentence of the kernel's, or "" when it did not answer. */
  readonly error: string;
  readonly at: number;
}

const NONE: readonly Attachment[] = [];

export class Attachments {
  private readonly lists = new Map<string, Signal<readonly Attachment[]>>();
  private count = 0;

  constructor(
    private readonly client: Client,
    private readonly now: () => number = Date.now,
  ) {}

  of(key: string): Signal<readonly Attachment[]> {
    const list = this.lists.get(key) ?? signal(NONE);
    this.lists.set(key, list);
    return list;
  }

  /** Takes files for a message; those beyond the limit are left out and returned. */
  add(key: string, files: readonly File[]): File[] {
    const fitting = files.filter((file) => file.size <= FILE_MAX);
    for (const file of fitting) {
      this.count += 1;
      const id = `${this.client.name}-${this.count}`;
      const made: Attachment = { id, file, sent: 0, state: "moving", error: "", at: this.now() };
      this.of(key).value = [...this.of(key).value, made];
      void this.move(key, made);
    }
    return files.filter((file) => file.size > FILE_MAX);
  }

  remove(key: string, id: string): void {
    const list = this.of(key);
    list.value = list.value.filter((item) => item.id !== id);
    this.client.forget([id]);
  }

  /** The message is settled: its files are not wanted any more. */
  clear(key: string): void {
    const list = this.lists.get(key);
    if (!list?.peek().length) return;
    this.client.forget(list.peek().map((item) => item.id));
    list.value = NONE;
  }

  /** The tab or the widget goes: the kernel need not keep anything for it. */
  drop(): void {
    if ([...this.lists.values()].some((list) => list.peek().length)) this.client.forget(null);
  }

  /** Hands over again what the kernel may have dropped; false when that did not work. */
  async refresh(key: string): Promise<boolean> {
    const stale = this.of(key)
      .peek()
      .filter((item) => item.state === "failed" || this.now() - item.at > STALE_MS);
    for (const item of stale) await this.move(key, item);
    return this.of(key)
      .peek()
      .every((item) => item.state === "ready");
  }

  private async move(key: string, item: Attachment): Promise<void> {
    const change = (fields: Partial<Attachment>): boolean => {
      const list = this.of(key);
      list.value = list.peek().map((other) => (other.id === item.id ? { ...other, ...fields } : other));
      return list.peek().some((other) => other.id === item.id);
    };
    change({ state: "moving", sent: 0, error: "" });
    const refused = await upload(this.client, item.id, item.file, (sent) => change({ sent }));
    if (refused === "") change({ state: "ready", at: this.now() });
    else change({ state: "failed", error: refused ?? "" });
  }
}
