import { useComputed } from "@preact/signals";
import type { Message } from "../model.gen";
import { useView } from "../view";

/** Selects a request, to be answered together with others; with Shift all from the last one that was switched. */
export function Select({ message }: { message: Message }) {
  const { view, t } = useView();
  const { queue } = view;
  const on = useComputed(() => queue.selected.value.has(message.id)).value;
  const usable = useComputed(() => queue.fits(message)).value;
  return (
    <input
      type="checkbox"
      class={`imc-select${queue.selected.value.size ? " imc-select-shown" : ""}`}
      aria-label={t("select")}
      title={t(usable || on ? "selectHint" : "selectLike")}
      checked={on}
      disabled={!usable && !on}
      onClick={(event) => queue.select(message, event.shiftKey)}
    />
  );
}
