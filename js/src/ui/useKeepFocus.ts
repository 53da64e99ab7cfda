import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

/** Where the focus goes when what had it is gone: what can have it, nearest first. */
const HOLDERS = "article, [role=dialog], .imc-root";

/** Keeps the focus in the widget: else what is typed next is the notebook's, once a button is gone or switched off. */
export function useKeepFocus(root: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const element = root.current;
    if (!element) return;
    const scope = element.getRootNode() as Document | ShadowRoot;
    let holders: Element[] = [];
    const note = ({ target }: FocusEvent) => {
      holders = [];
      for (
        let item = (target as Element).closest(HOLDERS);
        item;
        item = item.parentElement?.closest(HOLDERS) ?? null
      )
        holders.push(item);
    };
    const left = ({ relatedTarget, target }: FocusEvent) => {
      if (relatedTarget) {
        holders = [];
        return;
      }
      // The browser says so before it takes the element away. One that is still usable was left for nowhere, by a click.
      queueMicrotask(() => {
        const usable = target instanceof Element && target.isConnected && !target.matches(":disabled");
        if (usable) holders = [];
      });
    };
    const check = () => {
      const { activeElement } = scope;
      if (!holders.length || (activeElement && activeElement !== element.ownerDocument.body)) return;
      const holder = holders.find((item) => item.isConnected);
      if (holder instanceof HTMLElement) holder.focus({ preventScroll: true });
    };
    element.addEventListener("focusin", note);
    element.addEventListener("focusout", left);
    const observer = new MutationObserver(check);
    observer.observe(element, { childList: true, subtree: true, attributeFilter: ["disabled"] });
    return () => {
      element.removeEventListener("focusin", note);
      element.removeEventListener("focusout", left);
      observer.disconnect();
    };
  }, [root]);
}
