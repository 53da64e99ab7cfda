import { escapeInvisible } from "../invisible";
import { isSendable } from "../message";
import type { Message } from "../model.gen";
import { useView } from "../view";
import { useCommand } from "./useCommand";

/** A chat message that did not arrive says why, and can be sent again or put away; one of a rule says so. */
export function ChatStatus({ message }: { message: Message }) {
  const { t } = useView();
  const { busy, error, run } = useCommand();
  const { id: message_id } = message;
  const rule = message.mine && message.rule ? t("byRule", { rule: escapeInvisible(message.rule) }) : "";
  if (!isSendable(message)) {
    // One that came has an error where the rule that was to answer it failed.
    const trouble = message.mine ? "" : t.said(message.error);
    return trouble || rule ? <p class={rule ? "imc-dim" : "imc-error"}>{rule || trouble}</p> : null;
  }
  const once = (name: "send" | "discard") => {
    if (!busy.peek()) void run(name, { message_id });
  };
  return (
    <div class="imc-row">
      <span class="imc-error imc-grow" role="alert">
        {error.value || t.said(message.error)}
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
