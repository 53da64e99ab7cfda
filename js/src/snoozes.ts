/** Requests that the person wants to see later: remembered by this browser, back at a time or before their deadline. */
import { type Signal, signal } from "@preact/signals";
import type { Message } from "./model.gen";
import { type SafeStorage, StoredMap } from "./storage";
import type { Clock } from "./time";

const STORAGE_KEY = "ipymultichat.snoozes";
/** So long before its deadline a request is back, in milliseconds. */
const BEFORE_MS = 120_000;
/** Timers cannot wait longer; a time beyond it is looked at again then. */
const TIMER_MAX_MS = 2 ** 31 - 1;

export class Snoozes {
  /** When each of them is back, by the id of the message; this machine's time, which is known before the kernel's. */
  private readonly times: StoredMap<number>;
  private readonly now: Signal<number>;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    storage: SafeStorage,
    private readonly clock: Clock,
  ) {
    this.times = new StoredMap(storage, STORAGE_KEY, (value) => (typeof value === "number" ? value : null));
    this.now = signal(Date.now());
    this.plan();
  }

  /** Whether the person does not want to see a message yet. */
  sleeps(id: string): boolean {
    return (this.times.get(id) ?? 0) > this.now.value;
  }

  /** Puts a message off for a while, at the longest until shortly before its deadline. */
  snooze({ id, deadline }: Message, forMs: number): void {
    this.times.set(id, Math.min(Date.now() + forMs, this.latest(deadline)));
    this.plan();
  }

  wake(id: string): void {
    this.times.set(id, undefined);
  }

  /** Whether there is time enough left to put a message off. */
  allows({ deadline }: Message): boolean {
    return this.latest(deadline) > Date.now();
  }

  flush(): void {
    this.times.flush();
  }

  close(): void {
    clearTimeout(this.timer);
  }

  private latest(deadline: number | null): number {
    return deadline === null ? Number.POSITIVE_INFINITY : this.clock.toLocal(deadline) - BEFORE_MS;
  }

  /** Looks again when the next one is due. */
  private plan(): void {
    clearTimeout(this.timer);
    const now = Date.now();
    this.now.value = now;
    const next = Math.min(...this.times.values().filter((time) => time > now));
    if (!Number.isFinite(next)) return;
    this.timer = setTimeout(() => this.plan(), Math.min(next - now + 1, TIMER_MAX_MS));
  }
}
