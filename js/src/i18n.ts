/** Words in the person's language. English comes with the widget; another language from the kernel, when it is wanted. */
import type { Client } from "./client";
import { en } from "./locales/en";
import type { Language } from "./prefs";
import { Module } from "./transfer";

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

/** A value is put in as it is, or as what a sentence without values says; `{1!}` is a sentence with values of its own. */
function makeSaid(sentences: Vocabulary["sentences"]): (text: string) => string {
  const known = new Map(Object.entries(sentences));
  const forms = [...known]
    .filter(([form]) => form.includes("{}"))
    // What begins with words of ours first: somebody else's must not be taken for them.
    .sort(([a], [b]) => b.indexOf("{}") - a.indexOf("{}"))
    .map(([form, words]) => {
      const parts = form.split("{}").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
      return { form: new RegExp(`^${parts.join("([^]*?)")}$`), words };
    });
  const plain = (text: string): string => known.get(text) ?? text;
  const said = (text: string): string => {
    // What somebody else says about it stands behind a colon.
    const [head = "", ...rest] = text.split(": ");
    const ours = rest.length ? known.get(head) : undefined;
    if (ours) return `${ours}：${plain(rest.join(": "))}`;
    for (const { form, words } of text ? forms : []) {
      const values = form.exec(text);
      if (!values) continue;
      const put = (_: string, n: string, nested: string): string => {
        const value = values[Number(n)] ?? "";
        return nested ? said(value) : plain(value);
      };
      return words.replace(/\{(\d)(!?)\}/g, put);
    }
    return plain(text);
  };
  return said;
}

/** Chinese, from the kernel. */
export function makeChinese(client: Client): Module<Vocabulary> {
  return new Module(client, "zh", "application/json", async (text) => JSON.parse(await text.text()));
}
