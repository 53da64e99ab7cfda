import { useComputed, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { composeAnswer, unanswered } from "../answer";
import { isSendable } from "../message";
import type { Message } from "../model.gen";
import { formatSize } from "../time";
import { FILE_MAX } from "../transfer";
import { useView } from "../view";
import { AttachButton, filesOf, UploadList } from "./Attach";
import { Choices } from "./Choices";
import { Later } from "./Later";
import { Sending } from "./Sending";
import { useSuggestions } from "./Suggest";
import { TextBox } from "./TextBox";

interface Props {
  readonly message: Message;
  /** Takes the focus when the form goes, or the notebook would get the next key. */
  readonly article: RefObject<HTMLElement | null>;
}

export function AnswerForm({ message, article }: Props) {
  const { view, app, t } = useView();
  const { id, options } = message;
  const draft = useComputed(() => app.drafts.draft(id)).value;
  const { sendState, error } = useComputed(() => app.drafts.state(id)).value;
  const uploads = useComputed(() => app.uploads.of(id)).value;
  const form = useRef<HTMLFormElement>(null);
  const report = message.kind === "report";
  const sending = sendState !== "none" || !isSendable(message);
  const over = useSignal(false);
  const tooLarge = useSignal("");
  /** The answer of which the person was told that it leaves questions out: sent again, it goes. */
  const warned = useSignal<string | null>(null);
  const ready =
    !sending &&
    (report || uploads.length > 0 || composeAnswer(options, draft) !== "") &&
    uploads.every((item) => item.state === "ready");
  const attach = (chosen: File[]) => {
    const left = app.uploads.add(id, chosen).map((file) => file.name);
    tooLarge.value = left.length ? t("tooLarge", { name: left.join(", "), size: formatSize(FILE_MAX) }) : "";
  };

  useHandBack(form, article);

  const submit = () => {
    const text = composeAnswer(options, app.drafts.peek(id));
    const files = app.uploads.peek(id);
    if (files.some((item) => item.state === "moving")) return;
    if (!(report || text || files.length)) return;
    const open = unanswered(options, app.drafts.peek(id));
    if (open.length && !files.length && warned.peek() !== text) {
      warned.value = text;
      return;
    }
    void app.answer(message, text);
    view.queue.leave(id);
  };
  const left = unanswered(options, draft);
  const partial =
    warned.value !== null && warned.value === composeAnswer(options, draft) && left.length > 0
      ? t("notAllAnswered", { questions: left.map((item) => item.header || item.question).join(", ") })
      : "";
  const why = tooLarge.value || partial || error || (isSendable(message) ? t.said(message.error) : "");
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
      onKeyDown={(event) => {
        const choice = event.target instanceof HTMLInputElement;
        if (!choice || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        submit();
      }}
    >
      {why && (
        <p class="imc-error" role="alert">
          {why}
        </p>
      )}
      {options.length > 0 && (
        <Choices
          message={message}
          draft={draft}
          locked={sending}
          onDraft={(change) => app.drafts.edit(id, change)}
          onSubmit={submit}
        />
      )}
      {!report && options.length === 0 && <QuickAnswers message={message} locked={sending} form={form} />}
      <UploadList message={message} uploads={uploads} locked={sending} />
      <div class="imc-answer-row">
        {options.length === 0 ? (
          <AnswerBox
            message={message}
            text={draft.text}
            locked={sending}
            onSubmit={submit}
            onFiles={attach}
          />
        ) : (
          <span class="imc-grow" />
        )}
        <AttachButton locked={sending} onFiles={attach} />
        {message.status === "failed" && <Discard message={message} locked={sending} />}
        <button
          type="submit"
          class="imc-button imc-primary imc-submit"
          aria-disabled={!ready}
          title={app.prefs.value.sendKey === "enter" ? t("keyEnter") : t("keyModEnter")}
        >
          {t(report ? "confirm" : "reply")}
        </button>
      </div>
      {options.length === 0 && <Wrap message={message} locked={sending} />}
      {sending && <Sending message={message} />}
      <Later message={message} />
    </form>
  );
}

/** Hands the focus to the card when the form that has it goes. */
export function useHandBack(
  form: RefObject<HTMLElement | null>,
  article: RefObject<HTMLElement | null>,
): void {
  useLayoutEffect(
    () => () => {
      const root = form.current?.getRootNode() as Document | ShadowRoot | undefined;
      if (root?.activeElement && form.current?.contains(root.activeElement)) {
        article.current?.focus({ preventScroll: true });
      }
    },
    [form, article],
  );
}

/** Gives up an answer that failed: the request is cancelled, what was typed stays with it. */
export function Discard({ message, locked }: { message: Message; locked: boolean }) {
  const { app, t } = useView();
  const busy = useSignal(false);
  const discard = async () => {
    if (busy.peek()) return;
    busy.value = true;
    await app.discard(message);
    busy.value = false;
  };
  return (
    <button type="button" class="imc-button" disabled={locked || busy.value} onClick={() => void discard()}>
      {t("discard")}
    </button>
  );
}

/** Says what will stand around the answer, and leaves it out this once. */
function Wrap({ message, locked }: { message: Message; locked: boolean }) {
  const { app, t } = useView();
  const { prefix, suffix } = app.traits.settings.value.preferences;
  const { wrap } = useComputed(() => app.drafts.state(message.id)).value;
  if (!prefix && !suffix) return null;
  return (
    <label class="imc-check imc-wrap" title={[prefix, "…", suffix].filter(Boolean).join("\n")}>
      <input
        type="checkbox"
        checked={wrap}
        disabled={locked}
        onChange={(event) => app.drafts.setWrap(message.id, event.currentTarget.checked)}
      />
      {t(prefix && suffix ? "wrapThis" : prefix ? "prefixThis" : "suffixThis")}
    </label>
  );
}

interface BoxProps {
  readonly message: Message;
  readonly text: string;
  readonly locked: boolean;
  onSubmit(): void;
  onFiles(files: File[]): void;
}

function AnswerBox({ message, text, locked, onSubmit, onFiles }: BoxProps) {
  const { app, t } = useView();
  const set = (typed: string) => app.drafts.edit(message.id, { text: typed });
  const suggest = useSuggestions({ message, text, set });
  /** The arrows choose among suggestions, else among earlier answers. */
  const onKey = (event: KeyboardEvent) => {
    suggest.onKey(event);
    if (event.defaultPrevented) return;
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || locked || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
    const { answers } = app.drafts;
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
        value={text}
        readOnly={locked}
        caret={suggest.caret}
        list={suggest.list}
        active={suggest.active}
        onInput={suggest.onInput}
        onSubmit={onSubmit}
        onKey={onKey}
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

/**
 * Adds to the box and moves on to the button: a second key sends, a slip of the hand does not. What was typed stays; only
 * another quick answer gives way.
 */
function QuickAnswers({ message, locked, form }: QuickProps) {
  const { app, t } = useView();
  const own = app.traits.settings.value.preferences.quick;
  const answers = own.length ? own : t("quickDefaults").split(", ");
  const insert = (answer: string) => {
    const { text } = app.drafts.peek(message.id);
    const kept = answers.includes(text.trim()) ? "" : text;
    const added = kept && !/\s$/.test(kept) ? ` ${answer}` : answer;
    const box = form.current?.querySelector("textarea");
    box?.focus();
    box?.setSelectionRange(kept.length, text.length);
    // As if it were typed: the browser can then undo it.
    const typed = box?.ownerDocument.execCommand?.("insertText", false, added);
    if (!typed) app.drafts.edit(message.id, { text: kept + added });
    form.current?.querySelector<HTMLElement>(".imc-submit")?.focus();
  };
  return (
    <div class="imc-quick">
      {answers.map((answer) => (
        <button
          key={answer}
          type="button"
          class="imc-quick-button"
          disabled={locked}
          onClick={() => insert(answer)}
        >
          {answer}
        </button>
      ))}
    </div>
  );
}
