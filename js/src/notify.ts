/** Calls the person back to a notebook they are not looking at: only for what they asked to be called for. */
import type { Prefs } from "./prefs";
import type { Kind, Message } from "./protocol";

/** A question that would expire unseen is worth a second call this long before. */
export const LAST_CALL_MS = 60_000;
/** Timers cannot wait longer; a deadline beyond it is looked at again with the next change. */
const TIMER_MAX_MS = 2 ** 31 - 1;
const BODY_MAX = 140;

export interface Bell {
  /** The notebook is the window the person is in. */
  inFront(): boolean;
  show(title: string, body: string, tag: string): void;
  beep(): void;
}

interface Sources {
  prefs(): Prefs;
  /** The message as it is now, when it is still known. */
  current(message: Message): Message | undefined;
  title(message: Message): string;
  lastCall(): string;
  /** Kernel time. */
  now(): number;
}

const calls = (message: Message): boolean =>
  message.kind === "chat" ? !message.mine && message.status === "received" : message.status === "pending";

export class Notifier {
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(
    private readonly bell: Bell,
    private readonly sources: Sources,
  ) {}

  /** Messages as they come in; `isNew` tells those the browser has not shown before. */
  take(messages: readonly Message[], isNew: (message: Message) => boolean): void {
    const fresh = messages.filter((message) => isNew(message) && calls(message));
    for (const message of fresh) this.ring(message, message.text);
    if (this.wants("sound", fresh)) this.bell.beep();
    for (const message of messages) this.plan(message);
  }

  close(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  private ring(message: Message, body: string): void {
    if (!this.wants("notify", [message])) return;
    const short = body.length > BODY_MAX ? `${body.slice(0, BODY_MAX)}…` : body;
    this.bell.show(this.sources.title(message), short, message.key);
  }

  private wants(how: "notify" | "sound", messages: readonly Message[]): boolean {
    const kinds: readonly Kind[] = this.sources.prefs()[how];
    return !this.bell.inFront() && messages.some((message) => kinds.includes(message.kind));
  }

  private plan(message: Message): void {
    clearTimeout(this.timers.get(message.key));
    this.timers.delete(message.key);
    if (message.status !== "pending" || message.deadline === null) return;
    const wait = message.deadline - LAST_CALL_MS - this.sources.now();
    if (wait <= 0 || wait > TIMER_MAX_MS) return;
    const timer = setTimeout(() => {
      this.timers.delete(message.key);
      if (this.sources.current(message)?.status !== "pending") return;
      this.ring(message, this.sources.lastCall());
      if (this.wants("sound", [message])) this.bell.beep();
    }, wait);
    this.timers.set(message.key, timer);
  }
}

export function makeBell(window: Window & typeof globalThis): Bell {
  const { document } = window;
  return {
    inFront: () => document.visibilityState === "visible" && document.hasFocus(),
    show(title, body, tag) {
      if (!canNotify(window) || window.Notification.permission !== "granted") return;
      // The tag keeps two open tabs, and a second call, from piling up.
      const notification = new window.Notification(title, { body, tag });
      notification.onclick = () => window.focus();
    },
    beep() {
      const audio = new window.AudioContext();
      const tone = audio.createOscillator();
      const volume = audio.createGain();
      tone.frequency.value = 660;
      volume.gain.setValueAtTime(0.08, audio.currentTime);
      volume.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + 0.35);
      tone.connect(volume).connect(audio.destination);
      tone.onended = () => void audio.close();
      tone.start();
      tone.stop(audio.currentTime + 0.35);
    },
  };
}

/** Browsers offer notifications to https and localhost only. */
export const canNotify = (window: Window & typeof globalThis): boolean =>
  window.isSecureContext && "Notification" in window;
