/** What single keys do while no text field has the focus, and those that work everywhere in the widget. */
import type { Key } from "./i18n";
import type { View } from "./view";

/** Fields that take letters. Buttons, radios and checkboxes do not. */
const TEXT_FIELDS =
  "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=button], [type=submit])";

export interface Shortcut {
  /** As they are shown. */
  readonly keys: string;
  readonly name: Key;
  /** What it does; absent where the key belongs to a field. */
  run?(view: View, here: Element): void;
}

/** Presses the button for an option, or a quick answer, of the current message. */
function pick(view: View, here: Element, place: number): void {
  const { current } = view.queue;
  const articles = here.closest(".imc-root")?.querySelectorAll<HTMLElement>("article[data-id]") ?? [];
  const article = [...articles].find((item) => item.dataset.id === current);
  const group = here.closest(".imc-choices") ?? article?.querySelector(".imc-choices:not(:has(:checked))");
  const choices = group ?? article?.querySelector(".imc-choices");
  const inputs = choices
    ? choices.querySelectorAll<HTMLElement>(".imc-choice > input")
    : article?.querySelectorAll<HTMLElement>(".imc-quick-button");
  const input = inputs?.[place];
  input?.focus();
  input?.click();
}

export const SHORTCUTS: readonly Shortcut[] = [
  { keys: "j", name: "nextOne", run: (view) => view.queue.step(1, "card") },
  { keys: "k", name: "previousOne", run: (view) => view.queue.step(-1, "card") },
  {
    keys: "r",
    name: "answerIt",
    run: ({ queue }) => {
      if (queue.current) queue.show(queue.current, "answer");
      else queue.step(1, "answer");
    },
  },
  ...Array.from(
    { length: 9 },
    (_, place): Shortcut => ({
      keys: `${place + 1}`,
      name: "chooseOption",
      run: (view, here) => pick(view, here, place),
    }),
  ),
  {
    keys: "x",
    name: "select",
    run: ({ queue, app }) => {
      const message = app.waiting.peek().find(({ id }) => id === queue.current);
      if (message && queue.fits(message)) queue.select(message);
    },
  },
  {
    keys: "?",
    name: "shortcuts",
    run: (view) => {
      view.dialog.value = "shortcuts";
    },
  },
  { keys: "Alt+↓", name: "nextPending", run: (view) => view.queue.step(1, "answer") },
  { keys: "Alt+↑", name: "previousPending", run: (view) => view.queue.step(-1, "answer") },
  { keys: "Ctrl+Enter", name: "sendIt" },
  { keys: "Esc", name: "leaveBox" },
  { keys: "↑ ↓", name: "earlierAnswers" },
  { keys: "@", name: "paths" },
  { keys: "/", name: "snippets" },
];

const pressed = ({ key, altKey }: KeyboardEvent): string =>
  altKey ? `Alt+${{ ArrowDown: "↓", ArrowUp: "↑" }[key] ?? key}` : key;

/** Does what a key stands for; returns whether it stood for something. */
export function runShortcut(view: View, event: KeyboardEvent): boolean {
  const { target } = event;
  if (!(target instanceof Element) || event.ctrlKey || event.metaKey || event.isComposing) return false;
  const found = SHORTCUTS.find((item) => item.run && item.keys === pressed(event));
  if (!found?.run || view.dialog.peek()) return false;
  // In a list of choices Alt and an arrow open it.
  if (target.matches(event.altKey ? "select" : TEXT_FIELDS)) return false;
  found.run(view, target);
  return true;
}
