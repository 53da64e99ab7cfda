/** Copies text. The clipboard API exists only on https and localhost, and notebook servers are often neither. */

/** How long a button says that it has copied. */
export const COPIED_MS = 1_500;

export async function copyText(text: string, near: Element): Promise<boolean> {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // Refused (a frame without the permission): the old way below needs none.
  }
  return copyBySelection(text, near);
}

function copyBySelection(text: string, near: Element): boolean {
  const doc = near.ownerDocument;
  const focused = doc.activeElement;
  const area = doc.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.className = "imc-sr";
  // Inside the widget, so that the notebook does not take the focus change for a command.
  (near.closest(".imc-root") ?? doc.body).append(area);
  area.select();
  let done = false;
  try {
    done = doc.execCommand("copy");
  } catch {
    done = false;
  }
  area.remove();
  if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  return done;
}
