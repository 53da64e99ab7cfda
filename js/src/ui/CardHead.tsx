import { useComputed } from "@preact/signals";
import { isAnswered, isOpen, isRequest, peerOf } from "../message";
import type { Message } from "../model.gen";
import { formatFull, formatTime } from "../time";
import { useView } from "../view";
import { isCut, SHOWN_MAX } from "../whole";
import { Deadline } from "./Countdown";
import { IconButton } from "./Icon";
import { Select } from "./Select";
import { Offline } from "./Sending";
import { useCopied } from "./useCopied";

interface Props {
  readonly message: Message;
  readonly server: string;
  readonly raw: boolean;
  toggleRaw(): void;
}

export function CardHead({ message, server, raw, toggleRaw }: Props) {
  const { view, app, t } = useView();
  const copied = useCopied();
  // In an open conversation both names stand over it already.
  const talk = view.feed.filter.value.peer !== null;
  const at = app.clock.toLocal(message.created_at);
  const asked = useComputed(() => app.drafts.state(message.id).sendState !== "none").value;
  const status = asked && isOpen(message) ? "sending" : message.status;
  const copy = async (event: MouseEvent) => {
    const near = event.currentTarget as Element;
    const whole = !isCut(message) || (message.length <= SHOWN_MAX && (await app.texts.show(message)) === "");
    await copied.copy(whole ? app.texts.text(message) : null, near);
  };
  return (
    <div class="imc-head">
      {view.queue.shown && view.queue.waits(message) && <Select message={message} />}
      {!talk && (
        <>
          <bdi class="imc-tag">{server}</bdi>
          <span class="imc-kind">{t(message.approval ? "approval" : message.kind)}</span>
        </>
      )}
      {talk ? message.mine && <span class="imc-dim">{t("you")}</span> : <Who message={message} />}
      <span class="imc-grow" />
      <span class="imc-meta">
        {message.deadline !== null && isOpen(message) && <Deadline at={message.deadline} />}
        <Offline message={message} />
        {isOpen(message) && message.agent_state === "away" && (
          <span class="imc-status" title={t("agentAwayHint")}>
            {t("agentAway")}
          </span>
        )}
        {status !== "received" && (
          <span class={`imc-status imc-status-${status}`}>{t(statusWord(message) ?? status)}</span>
        )}
        <time class="imc-dim" dateTime={new Date(at).toISOString()} title={formatFull(at, t.locale)}>
          {formatTime(at, t.locale)}
        </time>
        <span class="imc-actions">
          {copied.word.value && (
            <span class="imc-dim" role="status">
              {t(copied.word.value)}
            </span>
          )}
          {!view.queue.shown && view.queue.waits(message) && <Select message={message} />}
          <IconButton icon="code" name={t(raw ? "showMarkdown" : "showRaw")} onClick={toggleRaw} />
          <IconButton icon="copy" name={t("copyMessage")} onClick={(event) => void copy(event)} />
        </span>
      </span>
    </div>
  );
}

/** What became of an answer that was kept for its agent says more than that there is one. */
function statusWord(message: Message): "kept" | "fetched" | null {
  const { agent_state } = message;
  return isAnswered(message) && (agent_state === "kept" || agent_state === "fetched") ? agent_state : null;
}

/** Names stand in `bdi`: one that is written from right to left must not turn its neighbours around. */
function Who({ message }: { message: Message }) {
  const { view, t } = useView();
  if (isRequest(message)) {
    const names = [message.agent_name || t("agent"), message.model_name, message.client_name].filter(
      (name, index, all) => name && all.indexOf(name) === index,
    );
    return (
      <>
        <bdi class="imc-who">{names.join(" · ")}</bdi>
        {message.project_directory && (
          <bdi class="imc-project imc-dim" title={message.project_directory}>
            {message.project_directory}
          </bdi>
        )}
      </>
    );
  }
  const sender = message.mine ? t("you") : message.sender;
  const receiver = message.mine ? message.receiver : t("you");
  return (
    <button type="button" class="imc-who imc-link" onClick={() => view.converse(peerOf(message))}>
      <bdi>{sender}</bdi> → <bdi>{receiver}</bdi>
    </button>
  );
}
