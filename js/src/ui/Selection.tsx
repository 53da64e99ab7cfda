import { batch } from "@preact/signals";
import { useRef } from "preact/hooks";
import { replaceAt } from "../answer";
import { answerOf, type Decision, REASON } from "../approval";
import { escapeInvisible } from "../invisible";
import type { Message } from "../model.gen";
import { firstLine } from "../urgency";
import { useView } from "../view";
import { Choices } from "./Choices";
import { TextBox } from "./TextBox";

/** How many requests are selected, and what can be done with them. */
export function SelectionBar() {
  const { view, t } = useView();
  const { size } = view.queue.selected.value;
  if (!size) return null;
  return (
    <div class="imc-selection">
      <span class="imc-grow" role="status">
        {t("selectedCount", { n: size })}
      </span>
      <button
        type="button"
        class="imc-button imc-primary"
        aria-haspopup="dialog"
        onClick={() => {
          view.dialog.value = "selected";
        }}
      >
        {t("answerSelected")}
      </button>
      <button type="button" class="imc-button" onClick={() => view.queue.clear()}>
        {t("selectNone")}
      </button>
    </div>
  );
}

/** One answer for all that are selected: what goes where is listed before it goes. */
export function SelectionForm() {
  const { view, app, t } = useView();
  const { queue } = view;
  const form = useRef<HTMLFormElement>(null);
  const chosen = queue.chosen();
  const draft = queue.draft.value;
  const first = chosen[0];
  if (!first) return <p class="imc-dim">{t("selectedGone")}</p>;
  const reports = chosen.every(({ kind }) => kind === "report");
  const ready = reports || answerOf(first, draft) !== "";
  const edit = (change: Partial<typeof draft>) => {
    queue.draft.value = { ...queue.draft.peek(), ...change };
  };
  const send = () => {
    const now = queue.draft.peek();
    if (!reports && answerOf(first, now) === "") return;
    batch(() => {
      for (const message of chosen) void app.answer(message, answerOf(message, now));
      view.dialog.value = null;
      queue.clear();
      queue.leave("");
    });
  };
  const decide = (decision: Decision) => {
    edit({ chosen: [[decision]] });
    send();
  };
  return (
    <form
      ref={form}
      class="imc-form imc-answer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <p>{t("goesTo", { n: chosen.length })}</p>
      {/* biome-ignore lint/a11y/noRedundantRoles: without a marker some browsers drop the list role */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll the list */}
      <ul role="list" class="imc-plain imc-targets" aria-label={t("recipients")} tabIndex={0}>
        {chosen.map((message) => (
          <Target key={message.id} message={message} />
        ))}
      </ul>
      {first.approval ? (
        <>
          <TextBox
            name={t("yourAnswer")}
            placeholder={t("reasonPlaceholder")}
            value={draft.typed[REASON] ?? ""}
            onInput={(text) => edit({ typed: replaceAt(draft.typed, REASON, text, "") })}
            onSubmit={() => form.current?.querySelector<HTMLElement>(".imc-deny")?.focus()}
          />
          <div class="imc-answer-row">
            {(["Deny", "Allow"] as const).map((decision) => (
              <button
                key={decision}
                type="button"
                class={`imc-button imc-${decision.toLowerCase()}`}
                onClick={() => decide(decision)}
              >
                {t(decision === "Allow" ? "allow" : "deny")}
              </button>
            ))}
          </div>
        </>
      ) : (
        <>
          {first.options.length > 0 ? (
            <Choices message={first} draft={draft} locked={false} onDraft={edit} onSubmit={send} />
          ) : (
            <TextBox
              name={t("yourAnswer")}
              placeholder={t(reports ? "notePlaceholder" : "answerPlaceholder")}
              value={draft.text}
              onInput={(text) => edit({ text })}
              onSubmit={send}
            />
          )}
          <div class="imc-answer-row">
            <button type="submit" class="imc-button imc-primary" aria-disabled={!ready}>
              {t(reports ? "confirm" : "reply")}
            </button>
          </div>
        </>
      )}
    </form>
  );
}

function Target({ message }: { message: Message }) {
  const { app, t } = useView();
  return (
    <li class="imc-target" style={{ "--imc-hue": app.colours.of(message.server_id) }}>
      <bdi class="imc-tag">{app.serverLabel(message.server_id, message.server_name)}</bdi>
      <bdi>{message.agent_name || t("agent")}</bdi>
      <span class="imc-line-text imc-dim" dir="auto">
        {escapeInvisible(firstLine(message))}
      </span>
    </li>
  );
}
