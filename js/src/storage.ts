/** What is remembered of the person's doings: in memory, in the browser's own storage, and never without bound. */
import { type Signal, signal } from "@preact/signals";

/** The browser's storage, where nothing throws: it is refused in some frames (VS Code, blocked cookies) or full. */
export interface SafeStorage {
  read(key: string): string | null;
  write(key: string, value: string): void;
}

export function makeSafeStorage(open: () => Storage): SafeStorage {
  let storage: Storage | null = null;
  try {
    storage = open();
  } catch {
    storage = null;
  }
  return {
    read(key) {
      return storage?.getItem(key) ?? null;
    },
    write(key, value) {
      try {
        storage?.setItem(key, value);
      } catch {
        // What does not fit lasts as long as the page.
      }
    },
  };
}

/** Values that a map holds; beyond it, those that were set the longest ago are dropped. */
export const MAP_MAX = 500;

/** Values by id that components can watch. Of most ids there is none. */
export class WatchedMap<T> {
  private readonly map: Signal<ReadonlyMap<string, T>>;

  constructor(values: ReadonlyMap<string, T> = new Map()) {
    this.map = signal(values);
  }

  get(id: string): T | undefined {
    return this.map.value.get(id);
  }

  /** Like `get`, but whoever calls is not called again when something changes. */
  peek(id: string): T | undefined {
    return this.map.peek().get(id);
  }

  /** All values, the one that was set last at the end. */
  values(): T[] {
    return [...this.map.value.values()];
  }

  /** Sets a value, or takes it away. */
  set(id: string, value: T | undefined): void {
    const known = this.map.peek();
    if (known.get(id) === value) return;
    const next = new Map(known);
    next.delete(id);
    if (value !== undefined) next.set(id, value);
    this.map.value = newest(next);
  }

  deleteAll(ids: Iterable<string>): void {
    for (const id of ids) this.set(id, undefined);
  }
}

function newest<T>(values: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  return values.size > MAP_MAX ? new Map([...values].slice(-MAP_MAX)) : values;
}

/** How long changes are collected before they are written. */
const WRITE_MS = 300;

/** A map that outlives a reload of the page and another run of the cell. */
export class StoredMap<T> extends WatchedMap<T> {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly changed = new Set<string>();

  /**
   * @param storage where the values are kept.
   * @param key the name they are kept under.
   * @param check makes a value of what was stored, or null where it is unreadable.
   */
  constructor(
    private readonly storage: SafeStorage,
    private readonly key: string,
    private readonly check: (value: unknown) => T | null,
  ) {
    super(newest(readStored(storage.read(key), check)));
  }

  override set(id: string, value: T | undefined): void {
    if (this.peek(id) === value) return;
    super.set(id, value);
    this.changed.add(id);
    this.timer ??= setTimeout(() => this.flush(), WRITE_MS);
  }

  /** Writes what has changed. Another widget in this tab may keep its values under the same name: they stay. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (!this.changed.size) return;
    const stored = readStored(this.storage.read(this.key), this.check);
    for (const id of this.changed) {
      const value = this.peek(id);
      stored.delete(id);
      if (value !== undefined) stored.set(id, value);
    }
    this.changed.clear();
    this.storage.write(this.key, JSON.stringify([...newest(stored)]));
  }
}

/** The values of a stored text; one that is unreadable is left out, and a text that is unreadable has none. */
export function readStored<T>(stored: string | null, check: (value: unknown) => T | null): Map<string, T> {
  const values = new Map<string, T>();
  try {
    const entries: unknown = JSON.parse(stored ?? "null");
    for (const entry of Array.isArray(entries) ? entries : []) {
      const value = Array.isArray(entry) ? check(entry[1]) : null;
      if (value !== null && typeof entry[0] === "string") values.set(entry[0], value);
    }
  } catch {
    // Written by another version, or cut short.
  }
  return values;
}
