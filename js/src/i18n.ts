/** Words in the person's language. English comes with the widget; another language from the kernel, when it is wanted. */
import { type Signal, signal } from "@preact/signals";
import type { Client } from "./client";
import { en } from "./locales/en";
import type { Language } from "./prefs";
import { download } from "./transfer";

export type Key = keyof typeof en;
export type Locale = "en" | "zh";

/** A language besides English. */
export interface Vocabulary {
  readonly words: Readonly<Record<Key, string>>;
  /** Sentences of the kernel, `{}` for a value, to what they say with `{1}`, `{2}` … in place of the values. */
  readonly sentences: Readonly<Record<string, string>>;
}

export interface Translate {
  (key: Key, values?: Readonly<Record<string, string | number>>): string;
  readonly locale: Locale;
  /** A sentence of the kernel; as it came where no other words are known for it. */
  said(text: string): string;
}

export function pickLocale(language: Language, browser: readonly string[]): Locale {
  if (language !== "auto") return language;
  const first = browser.find((tag) => /^(en|zh)\b/i.test(tag));
  return first?.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** @param other the language of `locale`, when that is not English and has come; until then it is English. */
export function makeTranslate(locale: Locale, other: Vocabulary | null = null): Translate {
  const spoken = locale === "en" || !other ? null : other;
  const words = spoken?.words ?? en;
  const translate = (key: Key, values: Readonly<Record<string, string | number>> = {}): string =>
    words[key].replace(/\{(\w+)\}/g, (whole, name: string) => `${values[name] ?? whole}`);
  const said = spoken ? makeSaid(spoken.sentences) : (text: string) => text;
  return Object.assign(translate, { locale: spoken ? locale : "en", said });
}

function makeSaid(sentences: Vocabulary["sentences"]): (text: string) => string {
  const forms = Object.entries(sentences).map(([form, words]) => {
    const parts = form.split("{}").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return { form: new RegExp(`^${parts.join("([^]*?)")}$`), words };
  });
  const said = (text: string): string => {
    for (const { form, words } of text ? forms : []) {
      const values = form.exec(text);
      if (values) return words.replace(/\{(\d)\}/g, (_, n: string) => said(values[Number(n)] ?? ""));
    }
    // What somebody else says about it stands behind a colon.
    const [head, ...rest] = text.split(": ");
    return head && rest.length && sentences[head] ? `${sentences[head]}：${said(rest.join(": "))}` : text;
  };
  return said;
}

/** Fetches a language from the kernel, once. */
export class Vocabularies {
  readonly zh: Signal<Vocabulary | null> = signal(null);
  private loading = false;

  constructor(private readonly client: Client) {}

  /** Without an answer it is tried again when this is called the next time. */
  async load(): Promise<void> {
    if (this.loading || this.zh.peek()) return;
    this.loading = true;
    const found = await download(this.client, { module: "zh" }, "application/json");
    this.loading = false;
    if (found instanceof Blob) this.zh.value = JSON.parse(await found.text()) as Vocabulary;
  }
}
