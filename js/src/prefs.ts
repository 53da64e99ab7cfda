/** Choices that belong to the person at this browser, not to a notebook: kept in the browser's own storage. */
import { effect, type Signal, signal } from "@preact/signals";
import { KINDS, type Kind } from "./model.gen";
import type { SafeStorage } from "./storage";
import { isObject } from "./validate";

export type Language = "auto" | "en" | "zh";
export type SendKey = "mod-enter" | "enter";

export interface Prefs {
  readonly language: Language;
  readonly sendKey: SendKey;
  /** How long an answer can be undone before it goes out, in seconds; 0: it goes at once. */
  readonly undoSeconds: number;
  /** Kinds that raise a desktop notification, and kinds that make a sound, while the notebook is not in front. */
  readonly notify: readonly Kind[];
  readonly sound: readonly Kind[];
}

/** What can be chosen. */
export const UNDO_SECONDS = [0, 5, 10, 20] as const;
export const STORAGE_KEY = "ipymultichat";
export const DEFAULTS: Prefs = {
  language: "auto",
  sendKey: "mod-enter",
  undoSeconds: 0,
  notify: [],
  sound: [],
};

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
const kinds = (value: unknown): Kind[] => KINDS.filter((kind) => texts(value).includes(kind));

export function readPrefs(stored: string | null): Prefs {
  let fields: unknown = null;
  try {
    fields = JSON.parse(stored ?? "null");
  } catch {
    return DEFAULTS;
  }
  if (!isObject(fields)) return DEFAULTS;
  return {
    language: fields.language === "en" || fields.language === "zh" ? fields.language : "auto",
    sendKey: fields.sendKey === "enter" ? "enter" : "mod-enter",
    undoSeconds: UNDO_SECONDS.find((seconds) => seconds === fields.undoSeconds) ?? 0,
    notify: kinds(fields.notify),
    sound: kinds(fields.sound),
  };
}

/** The stored choices as a signal; what is set is stored. */
export function makePrefs(storage: SafeStorage): { prefs: Signal<Prefs>; stop: () => void } {
  const prefs = signal(readPrefs(storage.read(STORAGE_KEY)));
  const stop = effect(() => {
    // Somebody who never chose anything leaves no trace.
    if (prefs.value !== DEFAULTS) storage.write(STORAGE_KEY, JSON.stringify(prefs.value));
  });
  return { prefs, stop };
}
