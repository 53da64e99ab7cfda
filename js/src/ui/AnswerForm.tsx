import { useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { composeAnswer } from "../answer";
import type { Message } from "../protocol";
import { formatSize } from "../time";
import { FILE_MAX } from "../transfer";
import { useView } from "../view";
import { AttachButton, AttachmentList, filesOf } from "./Attach";
import { Choices } from "./Choices";
import { useSuggestions } from "./Suggest";
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
  const files = app.attachments.of(message.key).value;
  const over = useSignal(false);
  const tooLarge = useSignal("");
  const ready =
    !sending && (report || text !== "" || files.length > 0) && files.every((item) => item.state === "ready");
  const attach = (chosen: File[]) => {
    const left = app.attachments.add(message.key, chosen).map((file) => file.name);
    tooLarge.value = left.length ? t("tooLarge", { name: left.join(", "), size: formatSize(FILE_MAX) }) : "";
  };

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
    const waiting = app.attachments.of(message.key).peek();
    if (message.status === "sending" || waiting.some((item) => item.state === "moving")) return;
    if (report || now || waiting.length) void app.answer(message, now);
  };
  const why = tooLarge.value || (message.status === "failed" ? message.error : error.value);
  return (
    <form
      ref={form}
      class={`imc-answer${over.value ? " imc-over" : ""}`}
      onDragOver={(event) => {
        if (sending || !event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        event.stopPropagation();
        over.value = true;
      }}
      onDragLeave={() => {
        over.value = false;
      }}
      onDrop={(event) => {
        over.value = false;
        const dropped = filesOf(event.dataTransfer);
        if (sending || !dropped.length) return;
        event.preventDefault();
        event.stopPropagation();
        attach(dropped);
      }}
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
      <AttachmentList message={message} locked={sending} />
      <div class="imc-answer-row">
        {message.questions.length === 0 ? (
          <AnswerBox message={message} locked={sending} onSubmit={submit} onFiles={attach} />
        ) : (
          <span class="imc-grow" />
        )}
        <AttachButton locked={sending} onFiles={attach} />
        <button
          type="submit"
          class="imc-button imc-primary imc-submit"
          aria-disabled={!ready}
          title={app.prefs.value.sendKey === "enter" ? t("keyEnter") : t("keyModEnter")}
        >
          {t(report ? "confirm" : "reply")}
        </button>
      </div>
      {message.questions.length === 0 && <Wrap message={message} locked={sending} />}
      {sending && (
        <p class="imc-dim imc-progress" role="status">
          {t("sendingNow")}
        </p>
      )}
    </form>
  );
}

/** Says what will stand around the answer, and leaves it out this once. */
function Wrap({ message, locked }: { message: Message; locked: boolean }) {
  const { app, t } = useView();
  const { prefix, suffix } = app.traits.settings.value.preferences;
  const { wrap } = app.drafts.of(message.key);
  if (!prefix && !suffix) return null;
  return (
    <label class="imc-check imc-wrap" title={[prefix, "…", suffix].filter(Boolean).join("\n")}>
      <input
        type="checkbox"
        checked={wrap.value}
        disabled={locked}
        onChange={(event) => {
          wrap.value = event.currentTarget.checked;
        }}
      />
      {t("wrapThis")}
    </label>
  );
}

interface BoxProps {
  readonly message: Message;
  readonly locked: boolean;
  onSubmit(): void;
  onFiles(files: File[]): void;
}

function AnswerBox({ message, locked, onSubmit, onFiles }: BoxProps) {
  const { app, t } = useView();
  const { draft } = app.drafts.of(message.key);
  const set = (text: string) => {
    draft.value = { ...draft.value, text };
  };
  const suggest = useSuggestions({ message, text: draft.value.text, set });
  const walk = (event: KeyboardEvent) => {
    suggest.onKey(event);
    if (event.defaultPrevented) return;
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
    <div class="imc-answer-box">
      <TextBox
        name={t("yourAnswer")}
        placeholder={t(message.kind === "report" ? "notePlaceholder" : "answerPlaceholder")}
        value={draft.value.text}
        readOnly={locked}
        caret={suggest.caret}
        list={suggest.list}
        active={suggest.active}
        onInput={suggest.onInput}
        onSubmit={onSubmit}
        onKey={walk}
        onCaret={suggest.onCaret}
        onBlur={suggest.close}
        onPaste={(event) => {
          const pasted = filesOf(event.clipboardData);
          if (locked || !pasted.length) return;
          event.preventDefault();
          onFiles(pasted);
        }}
      />
      {suggest.popup}
    </div>
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
  const own = app.traits.settings.value.preferences.quick;
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
