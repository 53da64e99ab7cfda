/** The browser's end of the conversation with the kernel: handshake, resync, commands and pages. */
import { batch, type Signal, signal } from "@preact/signals";
import type { Message } from "./model.gen";
import type { Commands, Frame, Order, Page, PageFilter, Patch, Piece, Snapshot, Source } from "./protocol";
import { applyPage, applyPatch, applySnapshot, EMPTY_LOG, type Log } from "./store";
import { isObject, readFrame } from "./validate";

export type Outcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: string; readonly silent: boolean };

/** `waiting`: no snapshot yet; `silent`: the kernel has not answered for a while; `gone`: the comm is closed. */
export type Phase = "waiting" | "live" | "silent" | "gone";

export const SILENT_MS = 5_000;
export const SLOW_MS = 1_000;
const RESEND_MS = 1_000;
const RESEND_MAX_MS = 30_000;
/** What is sent waits in the kernel's queue while a cell runs, and cells run long; the rest is of no use later. */
const PATIENT_MS = 30 * 60_000;
const BRIEF_MS = 30_000;
const PATIENT: ReadonlySet<keyof Commands> = new Set(["reply", "confirm", "send", "discard"]);
/** Frames that overtook a snapshot; beyond this, another snapshot is cheaper. */
const HELD_MAX = 256;

const NO_IDS: ReadonlySet<string> = new Set();

interface Waiting {
  settle(frame: Frame | null): void;
}

export interface Hooks {
  /** The kernel's clock, as of a frame that just arrived. */
  onNow?(now: number): void;
  /** Messages that may be new or changed: `live` for those of a patch, else all of a snapshot or of a page. */
  onMessages?(messages: readonly Message[], before: Log, live: boolean): void;
}

export class Client {
  readonly log: Signal<Log> = signal(EMPTY_LOG);
  readonly phase: Signal<Phase> = signal<Phase>("waiting");
  /** How many commands have waited long enough to call the kernel busy. */
  readonly slow: Signal<number> = signal(0);
  /** Ids that are in the log no more, by the last frame that said so: a patch, or the first snapshot of another log. */
  readonly removed: Signal<ReadonlySet<string>> = signal(NO_IDS);
  /** Named once per tab and model: two tabs share one comm. */
  readonly name: string = randomName();

  private readonly waiting = new Map<string, Waiting>();
  private held: Patch[] = [];
  private syncing = false;
  private sends = 0;
  private refs = 0;
  private snapshots = 0;
  private resend: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly post: (content: object, buffers?: ArrayBuffer[]) => void,
    private readonly hooks: Hooks = {},
  ) {}

  sync(): void {
    if (this.syncing || this.phase.value === "gone") return;
    this.syncing = true;
    this.sends = 0;
    this.silence = setTimeout(() => {
      this.phase.value = "silent";
    }, SILENT_MS);
    this.sendSync();
  }

  /** The comm was lost or came back: ask now, without waiting for the next turn of a slow round of asking. */
  probe(): void {
    if (!this.syncing) {
      this.sync();
      return;
    }
    clearTimeout(this.resend);
    this.sends = 0;
    this.sendSync();
  }

  /** The comm is closed or this store is no longer wanted: nothing will be answered any more. */
  close(): void {
    this.phase.value = "gone";
    this.stopSync();
    for (const waiting of [...this.waiting.values()]) waiting.settle(null);
  }

  receive(content: unknown, buffers: readonly unknown[] = []): void {
    const frame = readFrame(content, buffers);
    if (!frame) {
      if (this.concerns(content)) this.sync();
      return;
    }
    if ("client" in frame && frame.client !== this.name) return;
    switch (frame.type) {
      case "snapshot":
        this.stopSync();
        this.phase.value = "live";
        this.hooks.onNow?.(frame.now);
        this.snapshot(frame);
        break;
      case "patch":
        this.patch(frame);
        break;
      case "page":
      case "result":
      case "piece":
        this.waiting.get(frame.ref)?.settle(frame);
        break;
    }
  }

  async command<N extends keyof Commands>(name: N, args: Commands[N]): Promise<Outcome> {
    const frame = await this.ask("command", { name, args }, PATIENT.has(name) ? PATIENT_MS : BRIEF_MS);
    if (frame?.type !== "result") return { ok: false, error: "", silent: true };
    return frame.ok ? { ok: true, value: frame.value } : { ok: false, error: frame.error, silent: false };
  }

  /** A page of the kernel's log, or null when none came. */
  async page(before: Order | null, limit: number, filter: PageFilter): Promise<Page | null> {
    const frame = await this.ask("page", { before, limit, filter }, BRIEF_MS);
    if (frame?.type !== "page") return null;
    this.hooks.onMessages?.(frame.messages, this.log.value, false);
    return frame;
  }

  /** Widens the window by one page. */
  async older(limit: number): Promise<void> {
    const before = this.log.value.completeFrom;
    const { snapshots } = this;
    const page = await this.page(before, limit, {});
    // A page from before a snapshot need not join it, even where both begin at the same place.
    if (page && snapshots === this.snapshots) this.log.value = applyPage(this.log.value, before, page);
  }

  /** A piece of a file to the kernel; "" once it has it, else why not. */
  async upload(fields: object, piece: ArrayBuffer): Promise<string | null> {
    const frame = await this.ask("upload", fields, PATIENT_MS, [piece]);
    if (frame?.type !== "result") return null;
    return frame.ok ? "" : frame.error;
  }

  /** A piece of what the kernel has; a string says why not, null that nothing came. */
  async fetch(source: Source, offset: number): Promise<Piece | string | null> {
    const frame = await this.ask("fetch", { ...source, offset }, BRIEF_MS);
    if (frame?.type === "piece") return frame;
    return frame?.type === "result" ? frame.error : null;
  }

  /** Looks for people by name among those online whom the browser does not have: a patch brings them. */
  seek(search: string): void {
    if (this.phase.peek() !== "gone") this.send({ type: "people", client: this.name, search });
  }

  /** Handed over and not wanted any more: some files, or all of this tab. */
  forget(uploads: readonly string[] | null): void {
    if (this.phase.peek() !== "gone") this.send({ type: "forget", client: this.name, uploads });
  }

  private ask(
    type: string,
    fields: object,
    patience: number,
    buffers?: ArrayBuffer[],
  ): Promise<Frame | null> {
    if (this.phase.value === "gone") return Promise.resolve(null);
    const ref = `${++this.refs}`;
    return new Promise((resolve) => {
      let counted = false;
      const slow = setTimeout(() => {
        // Only what the person sent and waits for is worth a word about a busy kernel.
        if (patience !== PATIENT_MS) return;
        counted = true;
        this.slow.value += 1;
      }, SLOW_MS);
      const settle = (frame: Frame | null): void => {
        clearTimeout(slow);
        clearTimeout(late);
        if (counted) this.slow.value -= 1;
        this.waiting.delete(ref);
        resolve(frame);
      };
      const late = setTimeout(() => settle(null), patience);
      this.waiting.set(ref, { settle });
      if (!this.send({ type, client: this.name, ref, ...fields }, buffers)) settle(null);
    });
  }

  private snapshot(frame: Snapshot): void {
    this.snapshots += 1;
    const before = this.log.value;
    const next = applySnapshot(before, frame);
    const removed = before.epoch === frame.epoch ? NO_IDS : idsBeyond(before.messages, next.messages);
    this.change(next, removed, frame.messages, false);
    this.replay();
  }

  private patch(frame: Patch): void {
    const before = this.log.value;
    const [next, outcome] = applyPatch(before, frame);
    if (outcome === "applied") {
      this.phase.value = "live";
      this.hooks.onNow?.(frame.now);
      this.change(next, new Set(frame.remove), frame.upsert, true);
      this.replay();
    } else if (outcome === "gap") {
      if (this.held.length < HELD_MAX) this.held.push(frame);
      this.sync();
    }
  }

  /** Whoever watches the log sees it only when the drafts and all else have followed. */
  private change(log: Log, removed: ReadonlySet<string>, messages: readonly Message[], live: boolean): void {
    const before = this.log.peek();
    batch(() => {
      this.log.value = log;
      if (removed.size) this.removed.value = removed;
      this.hooks.onMessages?.(messages, before, live);
    });
  }

  /** Frames that came too early fit now, or the next gap shows. */
  private replay(): void {
    const next = this.held.find(
      (frame) => frame.epoch === this.log.value.epoch && frame.seq === this.log.value.seq + 1,
    );
    this.held = this.held.filter(
      (frame) => frame !== next && frame.epoch === this.log.value.epoch && frame.seq > this.log.value.seq,
    );
    if (next) this.patch(next);
    else if (this.held.length && !this.syncing) this.sync();
  }

  private sendSync(): void {
    this.send({ type: "sync", client: this.name });
    this.resend = setTimeout(() => this.sendSync(), Math.min(RESEND_MS * 2 ** this.sends++, RESEND_MAX_MS));
  }

  private stopSync(): void {
    this.syncing = false;
    clearTimeout(this.resend);
    clearTimeout(this.silence);
  }

  private send(content: object, buffers?: ArrayBuffer[]): boolean {
    try {
      this.post(content, buffers);
      return true;
    } catch {
      // A dead comm throws; silence is handled the same way as a kernel that does not answer.
      return false;
    }
  }

  /** Garbage on the way to another tab is that tab's affair, and an unknown type belongs to a newer kernel. */
  private concerns(content: unknown): boolean {
    if (!isObject(content)) return true;
    if (typeof content.client === "string" && content.client !== this.name) return false;
    return typeof content.type !== "string" || ["snapshot", "patch"].includes(content.type);
  }
}

/** The ids of messages that are in one list and not in the other. */
function idsBeyond(messages: readonly Message[], others: readonly Message[]): ReadonlySet<string> {
  const ids = new Set(messages.map((message) => message.id));
  for (const { id } of others) ids.delete(id);
  return ids;
}

function randomName(): string {
  // `randomUUID` exists only on https and localhost; notebook servers are often neither.
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
