/** What people write beyond common Markdown: formulas, footnotes, and parts that fold. */
import type { MarkedExtension, Tokens } from "marked";

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

/** The source stands in the text, with its signs, and once more by itself, from where a formula is made of it. */
const formula = (raw: string, tex: string, kind: "inline" | "block"): string =>
  `<code class="language-math-${kind}" title="${escapeHtml(tex)}">${escapeHtml(raw)}</code>`;

/** A dollar is a sign of money or of a shell unless it hugs the formula and no word goes on behind it. */
const INLINE = /^(?:\$(?![\s$])((?:\\[\s\S]|[^\\$\n])+?)(?<!\s)\$(?![\w$])|\\\(([\s\S]+?)\\\))/;
const BLOCK = /^(?:\$\$([\s\S]+?)\$\$|\\\[([\s\S]+?)\\\])/;
const DETAILS =
  /^<details(?: open)?>\s*(?:<summary>([\s\S]*?)<\/summary>)?([\s\S]*?)<\/details>[^\S\n]*(?:\n|$)/i;
const NOTE = /^\[\^([^\]\s]{1,40})\]:[^\S\n]+([^\n]+(?:\n[^\S\n]+[^\n]+)*)(?:\n|$)/;
const MARK = /^\[\^([^\]\s]{1,40})\](?!:)/;

const startOf = (pattern: RegExp) => (text: string) => {
  const at = text.search(pattern);
  return at < 0 ? undefined : at;
};

export const MORE: MarkedExtension = {
  extensions: [
    {
      name: "formulaParagraph",
      level: "block",
      start: startOf(/^(?:\$\$|\\\[)/m),
      tokenizer(text) {
        const [raw, dollars, brackets] = BLOCK.exec(text) ?? [];
        return raw ? { type: "formulaParagraph", raw, text: dollars ?? brackets ?? "" } : undefined;
      },
      renderer: (token) => `<p>${formula(token.raw, token.text as string, "block")}</p>`,
    },
    {
      name: "formulaBlock",
      level: "inline",
      start: startOf(/\$\$|\\\[/),
      tokenizer(text) {
        const [raw, dollars, brackets] = BLOCK.exec(text) ?? [];
        return raw ? { type: "formulaBlock", raw, text: dollars ?? brackets ?? "" } : undefined;
      },
      renderer: (token) => formula(token.raw, token.text as string, "block"),
    },
    {
      name: "formula",
      level: "inline",
      start: startOf(/\$|\\\(/),
      tokenizer(text) {
        const [raw, dollars, brackets] = INLINE.exec(text) ?? [];
        return raw ? { type: "formula", raw, text: dollars ?? brackets ?? "" } : undefined;
      },
      renderer: (token) => formula(token.raw, token.text as string, "inline"),
    },
    {
      name: "fold",
      level: "block",
      start: startOf(/<details/i),
      tokenizer(text) {
        const [raw, summary = "…", body = ""] = DETAILS.exec(text) ?? [];
        if (!raw) return undefined;
        const head = this.lexer.inlineTokens(summary.trim());
        return { type: "fold", raw, head, tokens: this.lexer.blockTokens(body.trim()) };
      },
      renderer(token) {
        const head = this.parser.parseInline((token as Tokens.Generic & { head: [] }).head);
        return `<details><summary>${head}</summary>${this.parser.parse(token.tokens ?? [])}</details>`;
      },
    },
    {
      name: "note",
      level: "block",
      start: startOf(/^\[\^/m),
      tokenizer(text) {
        const [raw, name, body = ""] = NOTE.exec(text) ?? [];
        if (!raw) return undefined;
        return { type: "note", raw, name, tokens: this.lexer.inlineTokens(body.trim()) };
      },
      renderer(token) {
        return `<p><sup>${escapeHtml(token.name as string)}</sup> ${this.parser.parseInline(token.tokens ?? [])}</p>`;
      },
    },
    {
      name: "noteMark",
      level: "inline",
      start: startOf(/\[\^/),
      tokenizer(text) {
        const [raw, name] = MARK.exec(text) ?? [];
        return raw ? { type: "noteMark", raw, name } : undefined;
      },
      renderer: (token) => `<sup>${escapeHtml(token.name as string)}</sup>`,
    },
  ],
};
