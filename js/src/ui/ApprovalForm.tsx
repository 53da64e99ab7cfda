import { useComputed, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useRef } from "preact/hooks";
import { replaceAt } from "../answer";
import { answerOf, type Decision, EDITED, isArguments, REASON } from "../approval";
import { isSendable } from "../message";
import type { Message } from "../model.gen";
import { useFlag, useView } from "../view";
import { Discard, useHandBack } from "./AnswerForm";
import { Later } from "./Later";
import { Sending } from "./Sending";
import { TextBox } from "./TextBox";

interface Props {
  readonly message: Message;
  readonly article: RefObject<HTMLElement | null>;
}

/** Allows or denies, by its buttons only: a key in a text box never decides. */
export function ApprovalForm({ message, article }: Props) {
  const { view, app, t } = useView();
  const { id } = message;
  const given = message.approval?.arguments ?? "";
  const draft = useComputed(() => app.drafts.draft(id)).value;
  const { sendState, error } = useComputed(() => app.drafts.state(id)).value;
  const form = useRef<HTMLDivElement>(null);
  const fault = useSignal("");
  const [opened, toggle] = useFlag("edit", id);
  const edited = draft.typed[EDITED] ?? "";
  // Typed arguments outlive the page; that they were opened does not.
  const editing = opened || edited !== "";
  const sending = sendState !== "none" || !isSendable(message);
  useHandBack(form, article);

  const type = (place: number, text: string) => {
    fault.value = "";
    app.drafts.edit(id, { typed: replaceAt(app.drafts.peek(id).typed, place, text, "") });
  };
  const edit = () => {
    type(EDITED, editing ? "" : given);
    if (opened === editing) toggle();
  };
  const decide = (decision: Decision) => {
    // Asked of the state, not of what is drawn: two clicks may come before the next drawing.
    if (!isSendable(message) || app.drafts.state(id).sendState !== "none") return;
    if (decision === "Allow" && editing && !isArguments(app.drafts.peek(id).typed[EDITED] ?? "")) {
      fault.value = t("noArguments");
      return;
    }
    app.drafts.edit(id, { chosen: [[decision]] });
    void app.answer(message, answerOf(message, app.drafts.peek(id)));
    view.queue.leave(id);
  };
  const focus = (name: string) => form.current?.querySelector<HTMLElement>(`.imc-${name}`)?.focus();
  const why = fault.value || error || (isSendable(message) ? t.said(message.error) : "");
  return (
    <div ref={form} class="imc-answer">
      {why && (
        <p class="imc-error" role="alert">
          {why}
        </p>
      )}
      {editing && (
        <TextBox
          name={t("editedArguments")}
          placeholder="{}"
          value={edited}
          readOnly={sending}
          onInput={(text) => type(EDITED, text)}
          onSubmit={() => focus("allow")}
        />
      )}
      <div class="imc-answer-row">
        <div class="imc-answer-box">
          <TextBox
            name={t("yourAnswer")}
            placeholder={t("reasonPlaceholder")}
            value={draft.typed[REASON] ?? ""}
            readOnly={sending}
            onInput={(text) => type(REASON, text)}
            onSubmit={() => app.drafts.peek(id).typed[REASON]?.trim() && focus("deny")}
          />
        </div>
        {message.status === "failed" && <Discard message={message} locked={sending} />}
        {isArguments(given) && (
          <button type="button" class="imc-button" aria-expanded={editing} disabled={sending} onClick={edit}>
            {t("editArguments")}
          </button>
        )}
        <button
          type="button"
          class="imc-button imc-deny"
          aria-disabled={sending}
          onClick={() => decide("Deny")}
        >
          {t("deny")}
        </button>
        <button
          type="button"
          class="imc-button imc-allow"
          aria-disabled={sending}
          onClick={() => decide("Allow")}
        >
          {t("allow")}
        </button>
      </div>
      {sending && <Sending message={message} />}
      <Later message={message} />
    </div>
  );
}
