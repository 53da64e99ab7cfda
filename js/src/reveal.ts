/**
 * Characters that nobody sees but that change what is read: they turn the direction of the text around, or hide in
 * names to make two look alike. They are shown by their number. What honest scripts and emoji need (joiners, the two
 * direction marks) stays as it is.
 */
const HIDDEN =
  /[\u00ad\u061c\u180e\u200b\u2028\u2029\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** The text with every hidden character written out, such as `⟦U+202E⟧`. */
export function reveal(text: string): string {
  return text.replace(
    HIDDEN,
    (char) => `⟦U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟧`,
  );
}
