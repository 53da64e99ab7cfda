/** Formulas as MathML. A module of its own, which the kernel hands over when a message first has some. */
import temml from "temml";

/** Bounds for formulas of strangers: of what macros grow to, and of lengths, in em. */
const LIMITS = { maxExpand: 200, maxSize: [20, 200] as [number, number] };

/** The MathML of a formula; what cannot be read is shown as it was written, in place. */
export function render(tex: string, block: boolean): string {
  return temml.renderToString(tex, { displayMode: block, throwOnError: false, trust: false, ...LIMITS });
}
