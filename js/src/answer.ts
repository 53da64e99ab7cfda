/** The text an agent reads when its question had a structure. */
import type { Question } from "./protocol";

export interface Draft {
  /** The answer box, when the question has no structure. */
  readonly text: string;
  /** Per structured question: the labels chosen and the free text. */
  readonly chosen: readonly (readonly string[])[];
  readonly typed: readonly string[];
}

export const EMPTY_DRAFT: Draft = { text: "", chosen: [], typed: [] };

/** Whether nothing is typed or chosen. */
export const isEmpty = (draft: Draft): boolean =>
  !draft.text && draft.chosen.every((labels) => !labels.length) && draft.typed.every((text) => !text);

export const takesText = (question: Question): boolean => question.custom || question.options.length === 0;

/** Agents mark the option they would take; the mark is for the eye and not part of the answer. */
export const plainLabel = (label: string): string => label.replace(/\s*\(recommended\)\s*$/i, "");

function answerTo(question: Question, chosen: readonly string[], typed: string): string {
  const labels = question.options.filter((option) => chosen.includes(option.label));
  const parts = labels.map((option) => plainLabel(option.label));
  if (takesText(question) && typed.trim()) parts.push(typed.trim());
  return parts.join(", ");
}

/** The text to send, or "" when nothing was chosen or typed: that is not sendable. */
export function composeAnswer(questions: readonly Question[], draft: Draft): string {
  if (!questions.length) return draft.text.trim() ? draft.text : "";
  return questions
    .map((question, index) => {
      const answer = answerTo(question, draft.chosen[index] ?? [], draft.typed[index] ?? "");
      return answer ? `Q: ${question.header || question.question}\nA: ${answer}` : "";
    })
    .filter(Boolean)
    .join("\n\n");
}

/** The questions that a draft leaves without an answer. */
export const unanswered = (questions: readonly Question[], draft: Draft): readonly Question[] =>
  questions.filter(
    (question, index) => !answerTo(question, draft.chosen[index] ?? [], draft.typed[index] ?? ""),
  );

/** What an answer's text says to each question; null where it was not made by `composeAnswer`. */
export function answersIn(questions: readonly Question[], text: string): readonly string[] | null {
  const parts = text.trim().split(/\n\n(?=Q: )/);
  const found = new Map<string, string>();
  for (const part of parts) {
    const [, asked, said] = /^Q: ([^\n]*)\nA: ([\s\S]*)$/.exec(part) ?? [];
    if (asked === undefined || said === undefined) return null;
    found.set(asked, said);
  }
  const answers = questions.map(
    ({ header, question }) => found.get((header || question).split("\n")[0] ?? "") ?? "",
  );
  return answers.filter(Boolean).length === found.size ? answers : null;
}

/** The labels that an answer chose. */
export const labelsIn = (question: Question, answer: string): readonly string[] => {
  const said = answer.split(", ");
  return question.options.map(({ label }) => label).filter((label) => said.includes(plainLabel(label)));
};

/** Single choice: a second click takes the choice back. */
export function choose(question: Question, chosen: readonly string[], label: string): string[] {
  if (chosen.includes(label)) return chosen.filter((item) => item !== label);
  return question.multiple ? [...chosen, label] : [label];
}

export function replaceAt<T>(items: readonly T[], index: number, value: T, empty: T): T[] {
  const next = Array.from({ length: Math.max(items.length, index + 1) }, (_, i) => items[i] ?? empty);
  next[index] = value;
  return next;
}
