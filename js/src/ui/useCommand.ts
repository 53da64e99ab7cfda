import { type ReadonlySignal, useSignal } from "@preact/signals";
import type { Commands } from "../protocol";
import { useView } from "../view";

/** Asks the kernel for something: whether it is at it, and why the last try failed, in words, or "". */
export function useCommand(): {
  readonly busy: ReadonlySignal<boolean>;
  readonly error: ReadonlySignal<string>;
  run<N extends keyof Commands>(name: N, args: Commands[N]): Promise<void>;
} {
  const { app } = useView();
  const busy = useSignal(false);
  const error = useSignal("");
  return {
    busy,
    error,
    async run(name, args) {
      busy.value = true;
      error.value = app.explain(await app.client.command(name, args));
      busy.value = false;
    },
  };
}
