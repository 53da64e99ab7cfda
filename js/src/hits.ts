/** What a search found, marked in the text that is shown. */

/** A text in parts, every second one a hit; in whatever case. */
export function splitHits(text: string, search: string): string[] {
  const wanted = search.trim().toLowerCase();
  const lower = text.toLowerCase();
  // Letters that change their number with their case would shift every place behind them.
  if (!wanted || lower.length !== text.length) return [text];
  const parts: string[] = [];
  let done = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, done)) {
    parts.push(text.slice(done, at), text.slice(at, at + wanted.length));
    done = at + wanted.length;
  }
  return [...parts, text.slice(done)];
}

/** Beyond so many, marks help nobody. */
const MARKS_MAX = 200;

/** Marks the hits within an element. */
export function markHits(root: Element, search: string): void {
  if (!search.trim()) return;
  const doc = root.ownerDocument;
  const walker = doc.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const found: Text[] = [];
  while (walker.nextNode()) {
    const node = walker.currentNode as Text;
    if (splitHits(node.data, search).length > 1) found.push(node);
  }
  for (const node of found.slice(0, MARKS_MAX)) {
    const parts = splitHits(node.data, search).map((part, place) => {
      if (place % 2 === 0) return part;
      const mark = doc.createElement("mark");
      mark.textContent = part;
      return mark;
    });
    node.replaceWith(...parts);
  }
}
