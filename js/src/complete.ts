/** What is being typed at the caret that can be completed: `@path` or `/snippet`. */
export interface Token {
  readonly sign: "@" | "/";
  readonly query: string;
  /** From the sign up to the caret. */
  readonly start: number;
  readonly end: number;
}

const PATTERN = /(?:^|[\s([{"'`])(?:(@)([^\s@]*)|(\/)([\p{L}\p{N}_-]*))$/u;

export function tokenAt(text: string, caret: number): Token | null {
  const found = PATTERN.exec(text.slice(0, caret));
  if (!found) return null;
  const sign = found[1] === "@" ? "@" : "/";
  const query = found[2] ?? found[4] ?? "";
  return { sign, query, start: caret - query.length - 1, end: caret };
}

export interface Completed {
  readonly text: string;
  readonly caret: number;
}

/** A path keeps its sign, which agents know for a file; a folder is open to be gone on with. */
export function complete(text: string, token: Token, choice: string): Completed {
  const folder = token.sign === "@" && choice.endsWith("/");
  const after = text.slice(token.end);
  const space = token.sign === "@" && !folder && !/^\s/.test(after) ? " " : "";
  const put = `${token.sign === "@" ? "@" : ""}${choice}${space}`;
  return { text: text.slice(0, token.start) + put + after, caret: token.start + put.length };
}

/** Names that begin with what was typed, then those that hold it. */
export function matching<T extends { readonly name: string }>(items: readonly T[], query: string): T[] {
  const wanted = query.toLowerCase();
  const place = (item: T) => item.name.toLowerCase().indexOf(wanted);
  return items.filter((item) => place(item) >= 0).sort((a, b) => Number(place(a) > 0) - Number(place(b) > 0));
}
