import { type ReadonlySignal, useSignal } from "@preact/signals";
import { COPIED_MS } from "../clipboard";
import { useView } from "../view";

/** Copies texts (null: one that could not be had); `word` says for a moment whether that worked. */
export function useCopied(): {
  readonly word: ReadonlySignal<"" | "copied" | "copyFailed">;
  copy(text: string | null, near: Element): Promise<void>;
} {
  const { app } = useView();
  const word = useSignal<"" | "copied" | "copyFailed">("");
  return {
    word,
    async copy(text, near) {
      const done = text !== null && (await app.copy(text, near));
      word.value = done ? "copied" : "copyFailed";
      setTimeout(() => {
        word.value = "";
      }, COPIED_MS);
    },
  };
}
