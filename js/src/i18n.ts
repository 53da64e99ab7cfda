/** Words in the person's language. English is the reference; another language has every key of it. */
import { en } from "./locales/en";
import { zh } from "./locales/zh";
import type { Language } from "./prefs";

export type Key = keyof typeof en;
export type Locale = "en" | "zh";
export const LOCALES: Readonly<Record<Locale, Readonly<Record<Key, string>>>> = { en, zh };

export interface Translate {
  (key: Key, values?: Readonly<Record<string, string | number>>): string;
  readonly locale: Locale;
}

export function pickLocale(language: Language, browser: readonly string[]): Locale {
  if (language !== "auto") return language;
  const first = browser.find((tag) => /^(en|zh)\b/i.test(tag));
  return first?.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export function makeTranslate(locale: Locale): Translate {
  const words = LOCALES[locale];
  const translate = (key: Key, values: Readonly<Record<string, string | number>> = {}): string =>
    words[key].replace(/\{(\w+)\}/g, (whole, name: string) => `${values[name] ?? whole}`);
  return Object.assign(translate, { locale });
}
