/** Files that wait to go out with an answer: handed to the kernel as soon as they are chosen, so that sending is quick. */
import type { Client } from "./client";
import { WatchedMap } from "./storage";
import { FILE_MAX, upload } from "./transfer";

/** The kernel keeps a file for ten minutes; one older than this is handed over again before it is sent. */
const STALE_MS = 9 * 60_000;

export interface Upload {
  readonly id: string;
  readonly file: File;
  /** Bytes the kernel has confirmed. */
  readonly sent: number;
  readonly state: "moving" | "ready" | "failed";
  /** Why it failed: a sentence of the kernel's, or "" when it did not answer. */
  readonly error: string;
  /** When it was chosen, or was last known to be in the kernel; milliseconds of this machine's clock. */
  readonly at: number;
}

const NONE: readonly Upload[] = [];

/** By the id of the message that is answered. */
export class Uploads {
  private readonly lists = new WatchedMap<readonly Upload[]>();
  private count = 0;

  constructor(
    private readonly client: Client,
    private readonly now: () => number = Date.now,
  ) {}

  of(messageId: string): readonly Upload[] {
    return this.lists.get(messageId) ?? NONE;
  }

  peek(messageId: string): readonly Upload[] {
    return this.lists.peek(messageId) ?? NONE;
  }

  /** Takes files for a message; those beyond the limit are left out and returned. */
  add(messageId: string, files: readonly File[]): File[] {
    for (const file of files.filter((item) => item.size <= FILE_MAX)) {
      this.count += 1;
      const id = `${this.client.name}-${this.count}`;
      const made: Upload = { id, file, sent: 0, state: "moving", error: "", at: this.now() };
      this.set(messageId, [...this.peek(messageId), made]);
      void this.move(messageId, made);
    }
    return files.filter((file) => file.size > FILE_MAX);
  }

  remove(messageId: string, id: string): void {
    this.set(
      messageId,
      this.peek(messageId).filter((item) => item.id !== id),
    );
    this.client.forget([id]);
  }

  /** The message is over: its files are not wanted any more. */
  clear(messageId: string): void {
    const list = this.peek(messageId);
    if (!list.length) return;
    this.client.forget(list.map((item) => item.id));
    this.set(messageId, NONE);
  }

  /** The tab or the widget goes: the kernel need not keep anything for it. */
  drop(): void {
    if (this.lists.values().length) this.client.forget(null);
  }

  /** Hands over again what the kernel may have dropped; false when that did not work. */
  async refresh(messageId: string): Promise<boolean> {
    const stale = this.peek(messageId).filter(
      (item) => item.state === "failed" || this.now() - item.at > STALE_MS,
    );
    for (const item of stale) await this.move(messageId, item);
    return this.peek(messageId).every((item) => item.state === "ready");
  }

  private set(messageId: string, list: readonly Upload[]): void {
    this.lists.set(messageId, list.length ? list : undefined);
  }

  private async move(messageId: string, item: Upload): Promise<void> {
    /** False when the file has been removed meanwhile. */
    const change = (fields: Partial<Upload>): boolean => {
      const list = this.peek(messageId);
      if (!list.some((other) => other.id === item.id)) return false;
      this.set(
        messageId,
        list.map((other) => (other.id === item.id ? { ...other, ...fields } : other)),
      );
      return true;
    };
    change({ state: "moving", sent: 0, error: "" });
    const refused = await upload(this.client, item.id, item.file, (sent) => change({ sent }));
    if (refused === "") change({ state: "ready", at: this.now() });
    else change({ state: "failed", error: refused ?? "" });
  }
}
