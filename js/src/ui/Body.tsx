import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { COPIED_MS } from "../clipboard";
import { highlight } from "../highlight";
import { markHits } from "../hits";
import { escapeInvisible } from "../invisible";
import { isOpen, isRequest } from "../message";
import type { Message } from "../model.gen";
import { save } from "../transfer";
import { useFlag, useView } from "../view";
import { isCut, SHOWN_MAX } from "../whole";

/** A body taller than this folds, what is over sooner; a little more room than that, so that folding always hides something. */
const FOLD_PX = 320;
const SETTLED_PX = 84;
const SLACK_PX = 80;

export function Body({ message, raw }: { message: Message; raw: boolean }) {
  const { app } = useView();
  return (
    <>
      <Prose
        id={message.id}
        text={app.texts.text(message)}
        raw={raw}
        fold={isRequest(message) && !isOpen(message) ? SETTLED_PX : FOLD_PX}
      />
      {isCut(message) && <Rest message={message} />}
    </>
  );
}

interface ProseProps {
  /** Of the message: whether its long text is shown in full is kept by it. */
  readonly id: string;
  readonly text: string;
  readonly raw: boolean;
  /** Pixels that are shown of what is folded. */
  readonly fold?: number;
}

/** Markdown that is folded where it is long. */
export function Prose({ id, text: written, raw, fold = FOLD_PX }: ProseProps) {
  const { view, app, t } = useView();
  const [open, toggle] = useFlag("open", id);
  const tall = useSignal(false);
  const content = useRef<HTMLDivElement>(null);
  const copyCode = t("copyCode");
  const tableName = t("table");
  const { search } = view.feed.filter.value;
  const text = escapeInvisible(written);
  const lines = text.trimEnd().split("\n").length;

  useLayoutEffect(() => {
    const element = content.current;
    if (!element) return;
    if (raw) element.textContent = text;
    else {
      const fragment = app.markdown(text);
      for (const code of fragment.querySelectorAll("pre > code")) highlight(code);
      for (const block of fragment.querySelectorAll("pre")) addCopy(block, copyCode);
      for (const table of fragment.querySelectorAll("table")) addScroller(table, tableName);
      // Each block by its own first letters: a text may be in two scripts. A list stays whole, with its marks on one side.
      for (const block of fragment.children) block.setAttribute("dir", "auto");
      element.replaceChildren(fragment);
      void app.formulas.show(element);
    }
    markHits(element, search);
  }, [text, raw, copyCode, tableName, search, app]);

  useLayoutEffect(() => {
    const element = content.current;
    if (!element) return;
    const measure = () => {
      if (element.offsetParent) tall.value = element.scrollHeight > fold + SLACK_PX;
    };
    // Once all cards of this drawing have their text: else each of them would be laid out on its own.
    queueMicrotask(measure);
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [tall, fold]);

  const onClick = async (event: MouseEvent) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    const code = button?.parentElement?.querySelector("code, pre");
    if (!button || !code) return;
    const done = await app.copy((code.textContent ?? "").replace(/\n$/, ""), button);
    button.textContent = t(done ? "copied" : "copyFailed");
    setTimeout(() => {
      button.textContent = copyCode;
    }, COPIED_MS);
  };

  const folded = tall.value && !open;
  const turn = () => {
    view.holdPlace();
    toggle();
    const article = content.current?.closest("article");
    // From the end of a long text back to where it is.
    if (open) queueMicrotask(() => article?.scrollIntoView?.({ block: "nearest" }));
  };
  return (
    <>
      <div
        class={`imc-body${folded ? " imc-folded" : ""}`}
        style={folded ? { maxHeight: `${fold}px` } : undefined}
      >
        {/* biome-ignore lint/a11y/noStaticElementInteractions: the buttons inside are made with the text */}
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: they are real buttons, the keyboard clicks them too */}
        <div
          ref={content}
          class={raw ? "imc-raw" : "imc-markdown"}
          dir="auto"
          onClick={(event) => void onClick(event)}
        />
      </div>
      {tall.value && (
        <button
          type="button"
          class={`imc-link imc-more${open ? " imc-more-open" : ""}`}
          aria-expanded={open}
          onClick={turn}
        >
          {open ? t("showLess") : t("showMoreOf", { n: lines.toLocaleString(t.locale) })}
        </button>
      )}
    </>
  );
}

/** Of a long text only the beginning is here; the rest is fetched when it is asked for. */
function Rest({ message }: { message: Message }) {
  const { app, t } = useView();
  const busy = useSignal(false);
  const error = useSignal("");
  const whole = app.texts.text(message).length > message.text.length;
  const fetch = async (get: () => Promise<string | null>) => {
    busy.value = true;
    const failed = await get();
    busy.value = false;
    error.value = failed ?? t("kernelSilent");
  };
  const saveIt = async (near: Element) => {
    const file = await app.texts.file(message);
    if (!(file instanceof Blob)) return file;
    save(file, "message.md", near);
    return "";
  };
  const number = (n: number) => n.toLocaleString(t.locale);
  return (
    <span class="imc-row imc-rest">
      {!whole && (
        <span class="imc-dim">
          {t("beginning", { shown: number(message.text.length), size: number(message.length) })}
        </span>
      )}
      {!whole && message.length <= SHOWN_MAX && (
        <button
          type="button"
          class="imc-link"
          disabled={busy.value}
          onClick={() => void fetch(() => app.texts.show(message))}
        >
          {t("showAll")}
        </button>
      )}
      <button
        type="button"
        class="imc-link"
        disabled={busy.value}
        onClick={(event) => {
          const near = event.currentTarget;
          void fetch(() => saveIt(near));
        }}
      >
        {t("saveText")}
      </button>
      {error.value && <span class="imc-error">{error.value}</span>}
    </span>
  );
}

/** A wide table scrolls by itself, with the keyboard, too. */
function addScroller(table: HTMLElement, name: string): void {
  const box = document.createElement("div");
  box.className = "imc-table";
  box.tabIndex = 0;
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", name);
  table.replaceWith(box);
  box.append(table);
}

function addCopy(block: HTMLElement, name: string): void {
  const box = document.createElement("div");
  box.className = "imc-code";
  // Nothing draws it here; what it is should be said all the same.
  if (block.querySelector(".language-mermaid")) box.dataset.title = "Mermaid";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "imc-copy";
  button.textContent = name;
  block.replaceWith(box);
  box.append(block, button);
}
