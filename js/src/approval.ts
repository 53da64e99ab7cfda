/** An approval: its parts as they are shown, and the answers that allow or deny it. */
import { composeAnswer, type Draft } from "./answer";
import type { Message } from "./model.gen";
import { isObject } from "./validate";

export type Decision = "Allow" | "Deny";

/** A draft's typed texts: the reason, then the arguments as the person changed them. */
export const [REASON, EDITED] = [0, 1];

/** Beyond so many, arguments are a text and no table. */
const ROWS_MAX = 100;

const EDITED_ARGUMENTS = /^(`{3,})json\n([\s\S]*?)\n\1/;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether arguments can be sent: they are a JSON object. */
export const isArguments = (text: string): boolean => isObject(parsed(text));

/**
 * Arguments as names and values, a nested value as indented JSON. Null where a table would not say what is there:
 * numbers that lose digits, a name that comes twice.
 */
export function argumentRows(text: string): [name: string, value: string][] | null {
  const value = parsed(text);
  if (!isObject(value)) return null;
  const dense = text.replace(/("(?:\\.|[^"\\])*")|\s+/g, "$1");
  const rows = Object.entries(value);
  if (JSON.stringify(value) !== dense || rows.length > ROWS_MAX) return null;
  return rows.map(([name, item]) => [name, typeof item === "string" ? item : JSON.stringify(item, null, 2)]);
}

/** The text to send once a choice is made, or what there is of one; "" when there is nothing. */
export function answerOf(message: Message, draft: Draft): string {
  const { approval, options } = message;
  const question = options[0];
  if (!approval || !question) return composeAnswer(options, draft);
  const [choice = ""] = draft.chosen[0] ?? [];
  const reason = draft.typed[REASON]?.trim() ?? "";
  const edited = draft.typed[EDITED]?.trim() ?? "";
  const changed = choice !== "Deny" && edited !== "" && edited !== approval.arguments.trim();
  const words = changed ? [fenced(edited), reason].filter(Boolean).join("\n\n") : reason;
  const answer = [choice, words].filter(Boolean).join(", ");
  return answer && `Q: ${question.header || question.question}\nA: ${answer}`;
}

function fenced(json: string): string {
  const longest = Math.max(2, ...[...json.matchAll(/`+/g)].map((run) => run[0].length));
  const fence = "`".repeat(longest + 1);
  return `${fence}json\n${json}\n${fence}`;
}

/** What an answer decided and said besides, or null for one in words of its own. */
export function decisionIn(text: string): { decision: Decision; words: string } | null {
  const found = /^\s*Q: [^\n]*\nA: (Allow|Deny)(?:,([\s\S]*))?$/.exec(text.trimEnd());
  if (!found) return null;
  const words = (found[2] ?? "").trim().replace(EDITED_ARGUMENTS, "$2");
  return { decision: found[1] as Decision, words };
}

export interface DiffLine {
  readonly kind: "added" | "removed" | "context" | "head";
  readonly text: string;
}

/** The lines of a unified diff without their signs. */
export function diffLines(diff: string): DiffLine[] {
  // Of a hunk, what is to come of the old and of the new text: in there, `--- a` is a line `-- a` that goes.
  let before = 0;
  let after = 0;
  return diff
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => {
      if (before <= 0 && after <= 0) {
        const hunk = /^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(line);
        if (hunk) [before, after] = [Number(hunk[1] ?? 1), Number(hunk[2] ?? 1)];
        if (hunk || /^(?:\+\+\+ |--- |diff |index )/.test(line)) return { kind: "head", text: line };
      }
      if (line.startsWith("\\")) return { kind: "head", text: line };
      if (!line.startsWith("+")) before -= 1;
      if (!line.startsWith("-")) after -= 1;
      if (line.startsWith("+")) return { kind: "added", text: line.slice(1) };
      if (line.startsWith("-")) return { kind: "removed", text: line.slice(1) };
      return { kind: "context", text: line.replace(/^ /, "") };
    });
}
