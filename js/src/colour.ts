/** A server's colour: kept for as long as this browser remembers it, and never the only sign of which server it is. */
import { effect, type ReadonlySignal } from "@preact/signals";
import { type SafeStorage, StoredMap } from "./storage";

/** Mid tones that stand out by at least 3:1 from both a white and a near-black page, and none that warns. */
export const HUES = [
  "#2f7ed8",
  "#178a5c",
  "#a64ac9",
  "#0f8a96",
  "#c2469b",
  "#6b8e23",
  "#6b6ee8",
  "#8d6e63",
  "#5f7d95",
  "#1f9e3d",
] as const;

const STORAGE_KEY = "ipymultichat.colours";

export class Colours {
  private readonly places: StoredMap<number>;

  constructor(storage: SafeStorage) {
    this.places = new StoredMap(storage, STORAGE_KEY, (value) =>
      Number.isInteger(value) && HUES[value as number] ? (value as number) : null,
    );
  }

  /** Gives each server of the list a colour of its own, in the order of the list, for as long as there are any. */
  follow(servers: ReadonlySignal<readonly { readonly id: string }[]>): () => void {
    return effect(() => {
      const used = new Set<number>();
      for (const { id } of servers.value) {
        const known = this.places.peek(id);
        const free = HUES.findIndex((_, place) => !used.has(place));
        const place = known !== undefined && !used.has(known) ? known : Math.max(free, 0);
        used.add(place);
        this.places.set(id, place);
      }
    });
  }

  /** A server's colour; that of one which was removed and forgotten follows from its id. */
  of(serverId: string): string {
    const sum = [...serverId].reduce((total, char) => total + (char.codePointAt(0) ?? 0), 0);
    return HUES[this.places.get(serverId) ?? sum % HUES.length] ?? HUES[0];
  }

  flush(): void {
    this.places.flush();
  }
}
