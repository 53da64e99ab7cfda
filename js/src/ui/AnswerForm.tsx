import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { composeAnswer } from "../answer";
import type { Message } from "../protocol";
import { useView } from "../view";
import { Choices } from "./Choices";
import { TextBox } from "./TextBox";

interface Props {
  readonly message: Message;
  /** Takes the focus when the form goes, or the notebook would get the next key. */
  readonly article: RefObject<HTMLElement | null>;
}

export function AnswerForm({ message, article }: Props) {
  const { app, t } = useView();
  const { draft, way, error } = app.drafts.of(message.key);
  const form = useRef<HTMLFormElement>(null);
  const report = message.kind === "report";
  const sending = message.status === "sending" || way.value !== "none";
  const text = composeAnswer(message.questions, draft.value);
  const ready = !sending && (report || text !== "");

  useLayoutEffect(
    () => () => {
      const root = form.current?.getRootNode() as Document | ShadowRoot | undefined;
      if (root?.activeElement && form.current?.contains(root.activeElement)) {
        article.current?.focus({ preventScroll: true });
      }
    },
    [article],
  );

  const submit = () => {
    const now = composeAnswer(message.questions, draft.peek());
    if (message.status !== "sending" && (report || now)) void app.answer(message, now);
  };
  const why = message.status === "failed" ? message.error : error.value;
  return (
    <form
      ref={form}
      class="imc-answer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {why && (
        <p class="imc-error" role="alert">
          {why}
        </p>
      )}
      {message.questions.length > 0 && (
        <Choices message={message} draft={draft} locked={sending} onSubmit={submit} />
      )}
      {!report && message.questions.length === 0 && (
        <QuickAnswers message={message} locked={sending} form={form} />
      )}
      <div class="imc-answer-row">
        {message.questions.length === 0 && <AnswerBox message={message} locked={sending} onSubmit={submit} />}
        <button
          type="submit"
          class="imc-button imc-primary imc-submit"
          aria-disabled={!ready}
          title={app.prefs.value.sendKey === "enter" ? t("keyEnter") : t("keyModEnter")}
        >
          {t(report ? "confirm" : "reply")}
        </button>
      </div>
      {sending && (
        <p class="imc-dim imc-progress" role="status">
          {t("sendingNow")}
        </p>
      )}
    </form>
  );
}

function AnswerBox({ message, locked, onSubmit }: { message: Message; locked: boolean; onSubmit(): void }) {
  const { app, t } = useView();
  const { draft } = app.drafts.of(message.key);
  const set = (text: string) => {
    draft.value = { ...draft.value, text };
  };
  const walk = (event: KeyboardEvent) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || locked || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    const { answers } = app.drafts;
    const text = draft.value.text;
    const here = text ? answers.lastIndexOf(text) : answers.length;
    // Text that is not one of the earlier answers is the person's own: the arrows then move the caret.
    if (here < 0) return;
    event.preventDefault();
    set(answers[Math.max(0, here + step)] ?? "");
  };
  return (
    <TextBox
      name={t("yourAnswer")}
      placeholder={t(message.kind === "report" ? "notePlaceholder" : "answerPlaceholder")}
      value={draft.value.text}
      readOnly={locked}
      onInput={set}
      onSubmit={onSubmit}
      onKey={walk}
    />
  );
}

interface QuickProps {
  readonly message: Message;
  readonly locked: boolean;
  readonly form: RefObject<HTMLFormElement | null>;
}

/** Fills the box and moves on to the button: a second key sends, a slip of the hand does not. */
function QuickAnswers({ message, locked, form }: QuickProps) {
  const { app, t } = useView();
  const { draft } = app.drafts.of(message.key);
  const own = app.prefs.value.quick;
  const answers = own.length ? own : t("quickDefaults").split(", ");
  return (
    <div class="imc-quick">
      {answers.map((answer) => (
        <button
          key={answer}
          type="button"
          class="imc-quick-button"
          disabled={locked}
          onClick={() => {
            draft.value = { ...draft.value, text: answer };
            form.current?.querySelector<HTMLElement>(".imc-submit")?.focus();
          }}
        >
          {answer}
        </button>
      ))}
    </div>
  );
}
