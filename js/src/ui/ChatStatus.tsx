import { useSignal } from "@preact/signals";
import type { Outcome } from "../client";
import { isSendable } from "../message";
import type { Message } from "../model.gen";
import { useView } from "../view";

/** A chat message that did not arrive says why, and can be sent again or put away. */
export function ChatStatus({ message }: { message: Message }) {
  const { app, t } = useView();
  const busy = useSignal(false);
  const error = useSignal("");
  if (!isSendable(message)) return null;
  const { id: message_id } = message;
  const run = async (command: () => Promise<Outcome>) => {
    if (busy.peek()) return;
    busy.value = true;
    error.value = app.explain(await command());
    busy.value = false;
  };
  return (
    <div class="imc-row">
      <span class="imc-error imc-grow" role="alert">
        {error.value || message.error}
      </span>
      <button
        type="button"
        class="imc-button"
        disabled={busy.value}
        onClick={() => void run(() => app.client.command("send", { message_id }))}
      >
        {t("retry")}
      </button>
      <button
        type="button"
        class="imc-button"
        disabled={busy.value}
        onClick={() => void run(() => app.client.command("discard", { message_id }))}
      >
        {t("discard")}
      </button>
    </div>
  );
}
