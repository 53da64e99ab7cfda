/** Calls the person back to a notebook they are not looking at: only for what they asked to be called for. */
import type { Kind, Message } from "./model.gen";
import type { Prefs } from "./prefs";

/** A question that would expire unseen is worth a second call this long before. */
export const LAST_CALL_MS = 60_000;
/** Timers cannot wait longer; a deadline beyond it is looked at again with the next change. */
const TIMER_MAX_MS = 2 ** 31 - 1;
const BODY_MAX = 140;

/** What the browser can do to call the person; a port, so that tests can stand in for it. */
export interface NotificationPort {
  /** Whether the notebook is the window the person is in. */
  isInFront(): boolean;
  /** Shows a desktop notification; one with the same tag takes the place of the last. */
  show(title: string, body: string, tag: string): void;
  beep(): void;
}

interface Sources {
  prefs(): Prefs;
  /** The message as it is now, when it is still known. */
  current(message: Message): Message | undefined;
  title(message: Message): string;
  /** The words for a question that is about to expire. */
  lastCall(): string;
  /** Milliseconds of the kernel's clock. */
  now(): number;
}

/** Whether somebody waits for the person, or wrote to them. */
const isCall = (message: Message): boolean =>
  message.kind === "chat" ? !message.mine && message.status === "received" : message.status === "pending";

export class Notifier {
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(
    private readonly port: NotificationPort,
    private readonly sources: Sources,
  ) {}

  /** Messages as they come in; `isNew` tells those the browser has not shown before. */
  take(messages: readonly Message[], isNew: (message: Message) => boolean): void {
    const fresh = messages.filter((message) => isNew(message) && isCall(message));
    for (const message of fresh) this.show(message, message.text);
    if (this.wants("sound", fresh)) this.port.beep();
    for (const message of messages) this.planLastCall(message);
  }

  close(): void {
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  private show(message: Message, body: string): void {
    if (!this.wants("notify", [message])) return;
    const short = body.length > BODY_MAX ? `${body.slice(0, BODY_MAX)}…` : body;
    this.port.show(this.sources.title(message), short, message.id);
  }

  private wants(how: "notify" | "sound", messages: readonly Message[]): boolean {
    const kinds: readonly Kind[] = this.sources.prefs()[how];
    return !this.port.isInFront() && messages.some((message) => kinds.includes(message.kind));
  }

  private planLastCall(message: Message): void {
    clearTimeout(this.timers.get(message.id));
    this.timers.delete(message.id);
    if (message.status !== "pending" || message.deadline === null) return;
    const wait = message.deadline - LAST_CALL_MS - this.sources.now();
    if (wait <= 0 || wait > TIMER_MAX_MS) return;
    const timer = setTimeout(() => {
      this.timers.delete(message.id);
      if (this.sources.current(message)?.status !== "pending") return;
      this.show(message, this.sources.lastCall());
      if (this.wants("sound", [message])) this.port.beep();
    }, wait);
    this.timers.set(message.id, timer);
  }
}

export function makeNotificationPort(window: Window & typeof globalThis): NotificationPort {
  const { document } = window;
  return {
    isInFront: () => document.visibilityState === "visible" && document.hasFocus(),
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
