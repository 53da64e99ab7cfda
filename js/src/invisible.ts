/**
 * Characters that nobody sees but that change what is read: they turn the direction of the text around, or hide in
 * names to make two look alike. What honest scripts and emoji need (joiners, the two direction marks) is not among them.
 */
const INVISIBLE =
  /[\u00ad\u061c\u180e\u200b\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** The text with every invisible character written out by its number, such as `⟦U+202E⟧`. */
export function escapeInvisible(text: string): string {
  return text.replace(
    INVISIBLE,
    (char) => `⟦U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟧`,
  );
}

/** Letters that are written from right to left. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** A name for a text without elements of its own (an option, a title): it must not turn its neighbours around. */
export const isolate = (name: string): string => (RIGHT_TO_LEFT.test(name) ? `\u2068${name}\u2069` : name);
