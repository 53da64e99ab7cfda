import { useComputed } from "@preact/signals";
import { isOpen } from "../message";
import type { Message } from "../model.gen";
import { useView } from "../view";

/** Why an answer has not gone out yet, as far as something can be done about it: it is held here, or its server is down. */
function useHindrance(message: Message): "held" | "down" | null {
  const { app } = useView();
  const { sendState } = useComputed(() => app.drafts.state(message.id)).value;
  if (sendState === "held") return "held";
  const down = isOpen(message) && app.offline(message.server_id) !== null;
  return message.status === "sending" && down ? "down" : null;
}

/** Takes back an answer that has not gone out. */
export function TakeBack({ message }: { message: Message }) {
  const { app, t } = useView();
  const hindrance = useHindrance(message);
  if (!hindrance) return null;
  return (
    <button type="button" class="imc-button" onClick={() => void app.takeBack(message)}>
      {t(hindrance === "held" ? "undo" : "takeBack")}
    </button>
  );
}

/** What an answer on its way waits for. */
export function Sending({ message }: { message: Message }) {
  const { app, t } = useView();
  const hindrance = useHindrance(message);
  const server = app.serverLabel(message.server_id, message.server_name);
  const down = t("waitsForServer", { server, why: t.said(app.offline(message.server_id) ?? "") });
  return (
    <div class="imc-row imc-progress">
      <p class="imc-dim imc-grow" role="status">
        {hindrance === "down" ? down : t(hindrance === "held" ? "heldBack" : "sendingNow")}
      </p>
      <TakeBack message={message} />
    </div>
  );
}

/** Says that the server of a request cannot be reached now. */
export function Offline({ message }: { message: Message }) {
  const { app, t } = useView();
  const why = app.offline(message.server_id);
  if (why === null || !isOpen(message)) return null;
  return (
    <span class="imc-status imc-status-gone" title={t.said(why)}>
      {t("offline")}
    </span>
  );
}
