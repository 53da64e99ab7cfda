/**
 * Colours for code: comments, strings, numbers and the words most languages share. Not a parser; it only ever wraps
 * text in spans, so the worst it can do is a wrong colour.
 */

const KEYWORDS = new Set(
  [
    "abstract and as async await begin break case catch class const continue def default defer delete do done elif",
    "else end enum esac except export extends extern false fi finally fn for foreach from func function global go if",
    "impl implements import in include instanceof interface is lambda let loop match mod module mut namespace new nil",
    "none nonlocal not null of operator or override package pass private protected pub public raise return select self",
    "static struct super switch template then this throw trait true try type typedef typeof union unless until use",
    "using var virtual void where while with yield create table insert into update set values join on group by order",
  ]
    .join(" ")
    .split(" "),
);

const STRING =
  /"""[\s\S]*?(?:"""|$)|'''[\s\S]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|`(?:\\.|[^`\\])*`?/;
const NUMBER = /\b0x[\da-f]+\b|\b\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?\b/;
const WORD = /[A-Za-z_$][\w$]*/;
const HASH = /#[^\n]*/;
const SLASH = /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/;
const DASH = /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/;

const COMMENTS: Readonly<Record<string, RegExp>> = Object.fromEntries([
  ..."py python sh bash shell zsh console yaml yml toml rb ruby r ini conf dockerfile make makefile perl"
    .split(" ")
    .map((name) => [name, HASH] as const),
  ..."js javascript ts typescript jsx tsx c cpp c++ cs csharp java go rust rs kotlin swift scala php css scss json proto"
    .split(" ")
    .map((name) => [name, SLASH] as const),
  ..."sql lua haskell".split(" ").map((name) => [name, DASH] as const),
]);

export interface Token {
  readonly kind: "" | "comment" | "string" | "number" | "keyword" | "added" | "removed";
  readonly text: string;
}

export function tokenize(code: string, language: string): Token[] {
  if (language === "diff" || language === "patch") return diffLines(code);
  const comment = COMMENTS[language];
  if (!comment) return [{ kind: "", text: code }];
  const pattern = new RegExp(
    `(${comment.source})|(${STRING.source})|(${NUMBER.source})|(${WORD.source})`,
    "gi",
  );
  const tokens: Token[] = [];
  let done = 0;
  for (const found of code.matchAll(pattern)) {
    const [text, isComment, isString, isNumber, word] = found;
    if (word && !KEYWORDS.has(word.toLowerCase())) continue;
    if (found.index > done) tokens.push({ kind: "", text: code.slice(done, found.index) });
    const kind = isComment ? "comment" : isString ? "string" : isNumber ? "number" : "keyword";
    tokens.push({ kind, text });
    done = found.index + text.length;
  }
  if (done < code.length) tokens.push({ kind: "", text: code.slice(done) });
  return tokens;
}

function diffLines(code: string): Token[] {
  return code.split(/(?<=\n)/).map((text) => ({
    kind: text.startsWith("+") ? "added" : text.startsWith("-") ? "removed" : "",
    text,
  }));
}

/** Beyond this, colours cost more than they help. */
const MAX_CHARS = 20_000;

export function highlight(block: Element): void {
  const code = block.textContent ?? "";
  const language = /language-([\w+#.-]+)/.exec(block.className)?.[1]?.toLowerCase() ?? "";
  if (!language || code.length > MAX_CHARS) return;
  block.replaceChildren(
    ...tokenize(code, language).map(({ kind, text }) => {
      if (!kind) return text;
      const span = document.createElement("span");
      span.className = `imc-code-${kind}`;
      span.textContent = text;
      return span;
    }),
  );
}
