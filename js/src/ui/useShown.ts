import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";

/** Whether the person can see the element: the tab is in front and the element is in it. */
export function useShown(ref: RefObject<HTMLElement | null>): Signal<boolean> {
  const shown = useSignal(false);
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const doc = element.ownerDocument;
    let inPage = false;
    const update = () => {
      shown.value = inPage && doc.visibilityState === "visible";
    };
    const observer = new IntersectionObserver((entries) => {
      inPage = entries.at(-1)?.isIntersecting ?? false;
      update();
    });
    observer.observe(element);
    doc.addEventListener("visibilitychange", update);
    return () => {
      observer.disconnect();
      doc.removeEventListener("visibilitychange", update);
    };
  }, [ref, shown]);
  return shown;
}
