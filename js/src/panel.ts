/**
 * The unread count in the title of a JupyterLab panel of our own. The extension that makes the panel reads its title
 * once, so the words on the tab are changed here, and put back whenever the tab bar is drawn again.
 */
import { effect, type ReadonlySignal } from "@preact/signals";

const NAME = "MultiChat";
const LABEL = ".lm-TabBar-tabLabel";
/** Ours in either form, and nobody else's: a notebook called "MultiChat.ipynb" keeps its name. */
const OURS = /^MultiChat( \(\d+\))?$/;

/** Where the words stand on the tab of the panel that holds the element, if it is in one. */
function findLabel(element: Element): Element | null {
  for (let box: Element | null = element; box; box = box.parentElement) {
    if (!box.id) continue;
    const tab = element.ownerDocument.querySelector(`.lm-TabBar-tab[data-id="${CSS.escape(box.id)}"]`);
    if (!tab) continue;
    const label = tab.querySelector(LABEL);
    return label && OURS.test(label.textContent ?? "") ? label : null;
  }
  return null;
}

/** Keeps the count on the tab until the returned function is called; where there is no such tab, nothing happens. */
export function countOnTab(element: Element, count: ReadonlySignal<number>): () => void {
  let watched: Element | null = null;
  const write = (text: string): void => {
    const label = findLabel(element);
    if (label && label.textContent !== text) label.textContent = text;
    const bar = label?.closest(".lm-TabBar") ?? null;
    if (bar === watched) return;
    redraws.disconnect();
    watched = bar;
    if (bar) redraws.observe(bar, { subtree: true, childList: true, characterData: true });
  };
  const show = (): void => write(count.peek() > 0 ? `${NAME} (${count.peek()})` : NAME);
  const redraws = new MutationObserver(show);
  // A view is made before it is put into its panel, and a panel can be moved: either way it gets another size.
  const moves = new ResizeObserver(show);
  moves.observe(element);
  const stop = effect(() => {
    count.value;
    show();
  });
  return () => {
    stop();
    moves.disconnect();
    write(NAME);
    redraws.disconnect();
  };
}
