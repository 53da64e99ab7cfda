import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { type DialogName, useView } from "../view";
import { IconButton } from "./Icon";

interface Props {
  readonly name: DialogName;
  readonly title: string;
  readonly children: ComponentChildren;
}

/** A panel over the view, not in place of it: what was typed underneath stays as it is. */
export function Dialog({ name, title, children }: Props) {
  const { view, t } = useView();
  const panel = useRef<HTMLDivElement>(null);
  const open = view.dialog.value === name;

  useLayoutEffect(() => {
    const element = panel.current;
    if (!open || !element) return;
    const doc = element.ownerDocument;
    const root = element.getRootNode() as Document | ShadowRoot;
    const opener = root.activeElement;
    element.focus({ preventScroll: true });
    const outside = (event: Event) => {
      const path = event.composedPath();
      if (!path.includes(element) && !(opener && path.includes(opener))) view.dialog.value = null;
    };
    doc.addEventListener("pointerdown", outside, true);
    return () => {
      doc.removeEventListener("pointerdown", outside, true);
      // Only focus that would be lost goes back: a click elsewhere has already chosen its own place.
      const active = root.activeElement;
      if (!active || active === doc.body || element.contains(active)) {
        if (opener instanceof HTMLElement) opener.focus({ preventScroll: true });
      }
    };
  }, [open, view]);

  if (!open) return null;
  return (
    <div ref={panel} class="imc-dialog" role="dialog" aria-label={title} tabIndex={-1}>
      <div class="imc-dialog-head">
        <span class="imc-dialog-title">{title}</span>
        <IconButton
          icon="close"
          name={t("close")}
          onClick={() => {
            view.dialog.value = null;
          }}
        />
      </div>
      <div class="imc-dialog-body">{children}</div>
    </div>
  );
}
