import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { isNarrowed } from "../feed";
import { articleName, isOpen } from "../message";
import type { Message } from "../model.gen";
import { firstLine, projectName } from "../urgency";
import { useView } from "../view";
import { Card } from "./Card";
import { Deadline } from "./Countdown";
import { Empty } from "./Empty";
import { Hits } from "./Hits";
import { Select } from "./Select";
import { Offline, TakeBack } from "./Sending";
import { useGoal } from "./useGoal";

/** So many lines are drawn at first, and with each "show more". */
const LINES = 100;

/** The requests that wait, most urgent first: one line each, and the one that is open in full. */
export function Queue() {
  const { view, t } = useView();
  const { queue } = view;
  const limit = useSignal(LINES);
  const log = useRef<HTMLDivElement>(null);
  const goal = queue.goal.value;
  const answered = queue.answered.value;
  const groups = queue.groups.value;
  const count = groups.reduce((sum, { messages }) => sum + messages.length, 0);
  useLayoutEffect(() => {
    if (goal?.id !== "") return;
    queue.goal.value = null;
    log.current?.focus();
  }, [goal, queue]);

  let left = limit.value;
  const take = (messages: readonly Message[]): readonly Message[] => {
    const drawn = messages.slice(0, left);
    left -= drawn.length;
    return drawn;
  };
  return (
    <div class="imc-main">
      <div
        ref={log}
        class="imc-log imc-queue"
        role="log"
        aria-label={t("messages")}
        aria-live="off"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll the list
        tabIndex={0}
      >
        {count === 0 && (isNarrowed(view.feed.filter.value) ? <Empty /> : <Done />)}
        {groups.map(({ name, messages }) => (
          <div key={name}>
            {name && (
              <p class="imc-queue-head">
                <bdi>{name}</bdi> <span class="imc-dim">{messages.length}</span>
              </p>
            )}
            {take(messages).map((message) => (
              <Item key={message.id} message={message} />
            ))}
          </div>
        ))}
        {count > limit.value && (
          <button
            type="button"
            class="imc-link imc-queue-more"
            onClick={() => {
              limit.value += LINES;
            }}
          >
            {t("showMoreItems", { n: count - limit.value })}
          </button>
        )}
        {queue.snoozed.value.length > 0 && <p class="imc-queue-head">{t("snoozed")}</p>}
        {queue.snoozed.value.map((message) => (
          <Item key={message.id} message={message} />
        ))}
        {answered.length > 0 && <p class="imc-queue-head">{t("answeredHere")}</p>}
        {answered.map((message) => (
          <Item key={message.id} message={message} />
        ))}
      </div>
    </div>
  );
}

/** Nothing waits: that is the goal. */
function Done() {
  const { view, app, t } = useView();
  if (app.client.log.value.epoch === null) return <Empty />;
  return (
    <div class="imc-empty imc-done">
      <p>{t("allDone")}</p>
      <button type="button" class="imc-button" onClick={() => view.showAll()}>
        {t("back")}
      </button>
    </div>
  );
}

function Item({ message }: { message: Message }) {
  const { view } = useView();
  return view.queue.open.value === message.id ? (
    <div class="imc-item">
      <Card message={message} />
    </div>
  ) : (
    <Line message={message} />
  );
}

/** A request in one line; a click opens it. */
function Line({ message }: { message: Message }) {
  const { view, app, t } = useView();
  const article = useRef<HTMLElement>(null);
  useGoal(article, message.id);
  const server = app.serverLabel(message.server_id, message.server_name);
  const sending = app.drafts.state(message.id).sendState !== "none" && isOpen(message);
  const status = sending ? "sending" : message.status;
  const about = [message.agent_name || t("agent"), projectName(message.project_directory)];
  return (
    <article
      ref={article}
      class="imc-line"
      style={{ "--imc-hue": app.colours.of(message.server_id) }}
      aria-label={articleName(t, message, server)}
      data-id={message.id}
      tabIndex={-1}
    >
      {view.queue.waits(message) && <Select message={message} />}
      <button
        type="button"
        class="imc-line-open"
        aria-expanded={false}
        onClick={() => view.queue.show(message.id, "answer")}
      >
        <bdi class="imc-tag">{server}</bdi>
        <bdi class="imc-line-who">{about.filter(Boolean).join(" · ")}</bdi>
        <span class="imc-line-text" dir="auto">
          <Hits text={firstLine(message)} />
        </span>
      </button>
      {message.deadline !== null && isOpen(message) && <Deadline at={message.deadline} />}
      <TakeBack message={message} />
      <Offline message={message} />
      <span class={status === "pending" ? "imc-sr" : `imc-status imc-status-${status}`}>{t(status)}</span>
    </article>
  );
}
