/** Clocks and dates: the kernel's time on this machine's clock, and one tick a second while something counts down. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";

/** More than this is a clock that was set, not a message that was slow. */
const JUMP_MS = 5_000;

export class Clock {
  /** Kernel time, moving once a second and only while somebody reads it. */
  readonly now: ReadonlySignal<number>;
  private readonly offset: Signal<number | null> = signal(null);

  constructor() {
    let timer: ReturnType<typeof setInterval> | undefined;
    const tick: Signal<number> = signal(0, {
      watched: () => {
        tick.value = Date.now();
        timer = setInterval(() => {
          tick.value = Date.now();
        }, 1_000);
      },
      unwatched: () => clearInterval(timer),
    });
    // Read when nobody watches, `tick` is old: the wall clock is right either way.
    this.now = computed(() => Math.max(tick.value, Date.now()) + (this.offset.value ?? 0));
  }

  /** The kernel said `now` in a frame that just arrived. Frames come late, never early: the largest offset is best. */
  sync(now: number): void {
    if (now <= 0) return;
    const offset = now - Date.now();
    const known = this.offset.peek();
    if (known === null || offset > known || known - offset > JUMP_MS) this.offset.value = offset;
  }

  toKernel(local: number): number {
    return local + (this.offset.peek() ?? 0);
  }

  toLocal(kernel: number): number {
    return kernel - (this.offset.peek() ?? 0);
  }
}

/** `8:23`, `1:02:03`; never below zero. A started second still counts, so the last shown is `0:01`. */
export function formatCountdown(ms: number): string {
  const total = Math.max(0, Math.ceil(ms / 1_000));
  const seconds = total % 60;
  const minutes = Math.floor(total / 60) % 60;
  const hours = Math.floor(total / 3_600);
  const two = (n: number) => `${n}`.padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

export const URGENT_MS = 60_000;

/** The person's own variant of a language, which says how they write the time: 15:00, or 3:00 pm. */
const regional = (locale: string): string =>
  navigator.languages.find((tag) => tag.split("-")[0] === locale) ?? locale;

/** Making a formatter costs far more than using it, and every card that scrolls into view needs two. */
function formatter(options: Intl.DateTimeFormatOptions): (ms: number, locale: string) => string {
  const made = new Map<string, Intl.DateTimeFormat>();
  return (ms, locale) => {
    const format = made.get(locale) ?? new Intl.DateTimeFormat(regional(locale), options);
    made.set(locale, format);
    return format.format(ms);
  };
}

export const formatTime = formatter({ hour: "2-digit", minute: "2-digit" });
export const formatFull = formatter({ dateStyle: "full", timeStyle: "medium" });
const formatDate = formatter({ weekday: "long", month: "long", day: "numeric", year: "numeric" });

/** "Today", "Yesterday", or the date. */
export function formatDay(ms: number, locale: string, now = Date.now()): string {
  const days = [0, -1].find((offset) => sameDay(ms, new Date(now).setDate(new Date(now).getDate() + offset)));
  if (days === undefined) return formatDate(ms, locale);
  const word = new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(days, "day");
  return word.charAt(0).toLocaleUpperCase(locale) + word.slice(1);
}

export function sameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

/** In the units of the kernel's own limits. */
export function formatSize(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB"];
  let value = bytes / 1_024;
  let unit = 0;
  while (value >= 1_023.95 && unit < units.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}
