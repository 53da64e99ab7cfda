import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { complete, matching, type Token, tokenAt } from "../complete";
import type { Message } from "../model.gen";
import { useUid, useView } from "../view";

const ASK_MS = 80;
/** Few enough to need no scrolling: a list that scrolls would have to take the focus. */
const SHOWN_MAX = 8;

interface Suggestion {
  /** What is put into the text. */
  readonly text: string;
  readonly label: string;
  readonly hint: string;
}

interface Suggestions {
  /** What the text box needs to know. */
  readonly list: string | undefined;
  readonly active: string | undefined;
  readonly caret: number | null;
  /** The list itself, to be put beside the text box. */
  readonly popup: ComponentChildren;
  onInput(text: string, caret: number): void;
  onKey(event: KeyboardEvent): void;
  onCaret(caret: number): void;
  close(): void;
}

interface Options {
  readonly message: Message;
  readonly text: string;
  set(text: string): void;
}

/** Completes `@path` (asked of the kernel) and `/snippet` in an answer box, by keyboard and by mouse. */
export function useSuggestions({ message, text, set }: Options): Suggestions {
  const { app, t } = useView();
  const id = useUid();
  const token: Signal<Token | null> = useSignal<Token | null>(null);
  const items: Signal<readonly Suggestion[]> = useSignal<readonly Suggestion[]>([]);
  const chosen = useSignal(0);
  const caret: Signal<number | null> = useSignal<number | null>(null);
  const { snippets } = app.traits.settings.value.preferences;

  const findToken = (now: string, at: number) => {
    caret.value = null;
    const found = tokenAt(now, at);
    const same = found?.sign === token.value?.sign && found?.start === token.value?.start;
    if (!same) items.value = [];
    token.value = found;
  };

  useEffect(() => {
    const typed = token.value;
    chosen.value = 0;
    if (!typed) {
      items.value = [];
      return;
    }
    if (typed.sign === "/") {
      items.value = matching(snippets, typed.query).map((item) => ({
        text: item.text,
        label: `/${item.name}`,
        hint: item.text,
      }));
      return;
    }
    if (!message.project_directory) return;
    let current = true;
    const timer = setTimeout(async () => {
      const outcome = await app.client.command("complete_path", {
        message_id: message.id,
        query: typed.query,
      });
      if (!current) return;
      const paths = outcome.ok && Array.isArray(outcome.value) ? outcome.value : [];
      items.value = paths
        .filter((path) => typeof path === "string")
        .map((path) => ({ text: path, label: path, hint: "" }));
    }, ASK_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [token.value?.sign, token.value?.start, token.value?.query, snippets, message.id]);

  const shown = token.value ? items.value.slice(0, SHOWN_MAX) : [];
  const open = shown.length > 0;
  const option = (index: number) => `${id}-${index}`;
  const close = () => {
    token.value = null;
    items.value = [];
  };
  const accept = (item: Suggestion | undefined) => {
    if (!item || !token.value) return;
    const done = complete(text, token.value, item.text);
    set(done.text);
    const folder = item.label.endsWith("/") && token.value.sign === "@";
    close();
    caret.value = done.caret;
    // A folder is where the path goes on.
    if (folder) token.value = tokenAt(done.text, done.caret);
  };

  const onKey = (event: KeyboardEvent) => {
    if (!open || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) chosen.value = (chosen.value + step + shown.length) % shown.length;
    else if (event.key === "Enter" || (event.key === "Tab" && !event.shiftKey)) accept(shown[chosen.value]);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return {
    list: open ? id : undefined,
    active: open ? option(chosen.value) : undefined,
    caret: caret.value,
    popup: open && (
      <div
        id={id}
        class="imc-suggest"
        role="listbox"
        aria-label={t(token.value?.sign === "@" ? "paths" : "snippets")}
      >
        {shown.map((item, index) => (
          // biome-ignore lint/a11y/useFocusableInteractive: the text box keeps the focus and names the active option
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are handled in the text box
          <div
            key={item.label}
            id={option(index)}
            class="imc-option"
            role="option"
            aria-selected={index === chosen.value}
            // Or the text box would lose the focus before the click.
            onPointerDown={(event) => event.preventDefault()}
            onClick={() => accept(item)}
          >
            <bdi>{item.label}</bdi>
            {item.hint && (
              <span class="imc-dim imc-option-hint" dir="auto">
                {item.hint}
              </span>
            )}
          </div>
        ))}
      </div>
    ),
    onInput: (now, at) => {
      set(now);
      findToken(now, at);
    },
    onKey,
    onCaret: (at) => findToken(text, at),
    close,
  };
}
