/** Requests that wait, in the order in which they want an answer, and one of them told in a line. */
import { isOpen, isRequest } from "./message";
import type { Message } from "./model.gen";
import { compareOrder } from "./protocol";

/** Whether a message is a request that is not over. */
export const isWaiting = (message: Message): boolean => isRequest(message) && isOpen(message);

/** Least time left first, then the oldest; what has no deadline comes after what has one. */
export function byUrgency(a: Message, b: Message): number {
  const left = (message: Message): number => message.deadline ?? Number.MAX_SAFE_INTEGER;
  return left(a) - left(b) || compareOrder(a.order, b.order);
}

/** Beyond so many characters a line is cut by its width in any case. */
const LINE_MAX = 300;

/** The first line of a request that says something, without the marks of its formatting. */
export function firstLine(message: Message): string {
  const texts = [message.approval?.action ?? "", message.text, message.options[0]?.question ?? ""];
  for (const text of texts) {
    const lines = text.slice(0, 4 * LINE_MAX).split("\n");
    const said = lines.map((line) =>
      line
        .replace(/^\s*(?:#+|>|[-*+]|\d+\.|`{3,}\w*)\s*/, "")
        // An underscore within a word is part of it.
        .replace(/[*`~]+|(?<!\w)_+|_+(?!\w)/g, "")
        .trim(),
    );
    const first = said.findIndex(Boolean);
    if (first < 0) continue;
    // A heading alone says little.
    const next = /^\s*#/.test(lines[first] ?? "") ? said.slice(first + 1).find(Boolean) : "";
    return [said[first], next].filter(Boolean).join(" – ").slice(0, LINE_MAX);
  }
  return "";
}

/** The last part of a path, which is how people call a project. */
export const projectName = (directory: string): string =>
  directory
    .replace(/[/\\]+$/, "")
    .split(/[/\\]/)
    .at(-1) || directory;

/**
 * Requests with the same value can have one answer together: structured questions and approvals with their like alone,
 * plain questions and reports with each other.
 */
export const likeness = (message: Message): string =>
  message.options.length ? JSON.stringify([message.approval !== null, message.options]) : "";
