import { useComputed } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { useView } from "../view";

/** The first field of an answer that can be used. */
const ANSWER = ".imc-answer :is(textarea:not(:read-only), input:not([hidden], :disabled))";

/** Takes the focus where the view wants it on this message. */
export function useGoal(article: RefObject<HTMLElement | null>, id: string): void {
  const { goal } = useView().view.queue;
  const part = useComputed(() => (goal.value?.id === id ? goal.value.part : null)).value;
  useLayoutEffect(() => {
    const element = article.current;
    if (!part || !element) return;
    goal.value = null;
    const answer = part === "answer" ? element.querySelector<HTMLElement>(ANSWER) : null;
    (answer ?? element).focus();
  }, [part, article, goal]);
}
