import {
  elementScroll,
  measureElement,
  observeElementOffset,
  observeElementRect,
  type Range,
  Virtualizer,
} from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { useLayoutEffect, useReducer, useState } from "preact/hooks";

/** Up to here every card is in the page: searching with the browser and reading with a screen reader just work. */
const ALL_UP_TO = 60;
const OVERSCAN = 8;
const ESTIMATE_PX = 120;
export const AT_END_PX = 24;

interface Options {
  readonly scroller: RefObject<HTMLElement | null>;
  readonly keys: readonly string[];
  /** The row that holds focus: it stays in the page wherever the list is scrolled. */
  readonly pinned: number;
  /** Whether a new last row may move the view, when the view is at the end. */
  readonly follow: boolean;
}

export interface Rows {
  readonly list: Virtualizer<HTMLElement, HTMLElement>;
  readonly indexes: readonly number[];
  /** Empty space in the place of the rows from one index up to another. */
  space(from: number, to: number): number;
}

/**
 * Rows stand in normal flow with spacers for what is left out, so a row that grows pushes the next ones in the same
 * frame; the virtualizer measures, and corrects the scroll position before the frame is painted.
 */
export function useRows({ scroller, keys, pinned, follow }: Options): Rows {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const options = {
    count: keys.length,
    getScrollElement: () => scroller.current,
    getItemKey: (index: number) => keys[index] ?? index,
    estimateSize: () => ESTIMATE_PX,
    overscan: OVERSCAN,
    anchorTo: "end" as const,
    followOnAppend: follow,
    scrollEndThreshold: AT_END_PX,
    rangeExtractor: ({ startIndex, endIndex, count }: Range) => {
      const first = Math.max(0, startIndex - OVERSCAN);
      const last = Math.min(count - 1, endIndex + OVERSCAN);
      const indexes = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
      if (pinned >= 0 && pinned < first) indexes.unshift(pinned);
      if (pinned > last && pinned < count) indexes.push(pinned);
      return indexes;
    },
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    measureElement: (
      element: HTMLElement,
      entry: ResizeObserverEntry | undefined,
      list: Virtualizer<HTMLElement, HTMLElement>,
    ) => {
      const index = list.indexFromElement(element);
      // A hidden tab measures everything as nothing, and would lose every place in the list.
      if (!element.offsetParent) return list.itemSizeCache.get(keys[index] ?? index) ?? ESTIMATE_PX;
      return entry ? measureElement(element, entry, list) : element.offsetHeight;
    },
    onChange: () => redraw(undefined),
  };
  const [list] = useState(() => {
    const made = new Virtualizer<HTMLElement, HTMLElement>(options);
    // Whatever changes its height above what is being read is made up for, also while scrolling up.
    made.shouldAdjustScrollPositionOnItemSizeChange = ({ key, start, end }, _delta, { itemSizeCache }) => {
      const top = made.scrollOffset ?? 0;
      return itemSizeCache.has(key) ? end <= top : start < top;
    };
    return made;
  });
  list.setOptions(options);
  useLayoutEffect(() => list._didMount(), [list]);
  useLayoutEffect(() => list._willUpdate());

  list.getTotalSize();
  const indexes = keys.length <= ALL_UP_TO ? keys.map((_, index) => index) : list.getVirtualIndexes();
  const at = (index: number) => list.measurementsCache[index];
  return {
    list,
    indexes,
    space: (from, to) => Math.max(0, (at(to - 1)?.end ?? 0) - (at(from)?.start ?? 0)),
  };
}
