import { isSendable } from "../message";
import type { Message } from "../model.gen";
import { useView } from "../view";
import { useCommand } from "./useCommand";

/** A chat message that did not arrive says why, and can be sent again or put away. */
export function ChatStatus({ message }: { message: Message }) {
  const { t } = useView();
  const { busy, error, run } = useCommand();
  if (!isSendable(message)) return null;
  const { id: message_id } = message;
  const once = (name: "send" | "discard") => {
    if (!busy.peek()) void run(name, { message_id });
  };
  return (
    <div class="imc-row">
      <span class="imc-error imc-grow" role="alert">
        {error.value || message.error}
      </span>
      <button type="button" class="imc-button" disabled={busy.value} onClick={() => once("send")}>
        {t("retry")}
      </button>
      <button type="button" class="imc-button" disabled={busy.value} onClick={() => once("discard")}>
        {t("discard")}
      </button>
    </div>
  );
}
