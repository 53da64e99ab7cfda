/** A server's colour: the same for the same id in every session, and never the only sign of which server it is. */

/** Mid tones that stand out by at least 3:1 from both a white and a near-black page. */
export const HUES = [
  "#2f7ed8",
  "#c2570c",
  "#178a5c",
  "#a64ac9",
  "#d0417e",
  "#0f8a96",
  "#8a7a12",
  "#6b6ee8",
] as const;

export function hueOf(serverId: string): string {
  let hash = 0x811c9dc5;
  for (const char of serverId) {
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  }
  return HUES[(hash >>> 0) % HUES.length] ?? HUES[0];
}
