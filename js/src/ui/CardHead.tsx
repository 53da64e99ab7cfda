import { type Signal, useSignal } from "@preact/signals";
import type { Message } from "../protocol";
import { formatFull, formatTime } from "../time";
import { useView } from "../view";
import { Deadline } from "./Countdown";
import { IconButton } from "./Icon";

const COPIED_MS = 1_500;

interface Props {
  readonly message: Message;
  readonly server: string;
  readonly raw: Signal<boolean>;
}

export function CardHead({ message, server, raw }: Props) {
  const { app, t } = useView();
  const copied = useSignal<"" | "copied" | "copyFailed">("");
  const at = app.clock.toLocal(message.created);
  const waits = message.status === "pending";
  const status = waits && app.drafts.of(message.key).way.value !== "none" ? "sending" : message.status;
  const copy = async (event: MouseEvent) => {
    const done = await app.copy(message.text, event.currentTarget as Element);
    copied.value = done ? "copied" : "copyFailed";
    setTimeout(() => {
      copied.value = "";
    }, COPIED_MS);
  };
  return (
    <div class="imc-head">
      <bdi class="imc-tag">{server}</bdi>
      <span class="imc-kind">{t(message.kind)}</span>
      <Who message={message} />
      <span class="imc-grow" />
      <span class="imc-meta">
        {message.deadline !== null && (status === "pending" || status === "sending") && (
          <Deadline at={message.deadline} />
        )}
        {status !== "received" && <span class={`imc-status imc-status-${status}`}>{t(status)}</span>}
        <time class="imc-dim" dateTime={new Date(at).toISOString()} title={formatFull(at, t.locale)}>
          {formatTime(at, t.locale)}
        </time>
        <span class="imc-actions">
          {copied.value && (
            <span class="imc-dim" role="status">
              {t(copied.value)}
            </span>
          )}
          <IconButton
            icon="code"
            name={t(raw.value ? "showMarkdown" : "showRaw")}
            onClick={() => {
              raw.value = !raw.value;
            }}
          />
          <IconButton icon="copy" name={t("copyMessage")} onClick={(event) => void copy(event)} />
        </span>
      </span>
    </div>
  );
}

/** Names stand in `bdi`: one that is written from right to left must not turn its neighbours around. */
function Who({ message }: { message: Message }) {
  const { view, t } = useView();
  if (message.kind !== "chat") {
    const names = [message.agent || t("agent"), message.model, message.client].filter(
      (name, index, all) => name && all.indexOf(name) === index,
    );
    return (
      <>
        <bdi class="imc-who">{names.join(" · ")}</bdi>
        {message.project && (
          <bdi class="imc-project imc-dim" title={message.project}>
            {message.project}
          </bdi>
        )}
      </>
    );
  }
  const sender = message.mine ? t("you") : message.sender;
  const receiver = message.mine ? message.receiver : t("you");
  const peer = { server_id: message.server_id, nickname: message.mine ? message.receiver : message.sender };
  return (
    <button type="button" class="imc-who imc-link" onClick={() => view.converse(peer)}>
      <bdi>{sender}</bdi> → <bdi>{receiver}</bdi>
    </button>
  );
}
