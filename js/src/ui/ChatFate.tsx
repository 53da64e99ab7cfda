import { useSignal } from "@preact/signals";
import type { Message } from "../protocol";
import { useView } from "../view";

/** A chat message that did not arrive says why, and can be sent again. */
export function ChatFate({ message }: { message: Message }) {
  const { app, t } = useView();
  const busy = useSignal(false);
  const error = useSignal("");
  if (message.status !== "failed") return null;
  const retry = async () => {
    busy.value = true;
    const outcome = await app.client.command("send", { key: message.key });
    busy.value = false;
    error.value = app.explain(outcome);
  };
  return (
    <div class="imc-row">
      <span class="imc-error imc-grow" role="alert">
        {error.value || message.error}
      </span>
      <button type="button" class="imc-button" disabled={busy.value} onClick={() => void retry()}>
        {t("retry")}
      </button>
    </div>
  );
}
