import { useSignal } from "@preact/signals";
import { peerOf } from "../app";
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
    const peer = peerOf(message);
    const outcome = await app.client.command("send", {
      server_id: peer.server_id,
      client_id: app.online(peer)?.client_id ?? message.receiver_id,
      nickname: peer.nickname,
      text: message.draft || message.text,
    });
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
