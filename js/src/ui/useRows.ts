import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  type Range,
  Virtualizer,
} from "@tanstack/virtual-core";
import type { RefObject } from "preact";
import { useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import type { Message } from "../model.gen";

/** Up to here every card is in the page: searching with the browser and reading with a screen reader just work. */
const ALL_UP_TO = 60;
const OVERSCAN = 8;
const ESTIMATE_PX = 120;
export const AT_END_PX = 24;

interface Options {
  readonly scroller: RefObject<HTMLElement | null>;
  readonly rows: readonly Message[];
  /** The row that holds focus: it stays in the page wherever the list is scrolled. */
  readonly pinned: number;
  /** Set while the end must not be followed: a row grows because the person wants to read it. */
  readonly held: RefObject<boolean>;
  /** Whether a new last row may move the view, when the view is at the end. */
  readonly follow: boolean;
}

export interface Rows {
  readonly list: Virtualizer<HTMLElement, HTMLElement>;
  readonly indexes: readonly number[];
  /** Watches the rows that are drawn. */
  readonly sizes: ResizeObserver;
  /** Empty space in the place of the rows from one index up to another. */
  space(from: number, to: number): number;
}

/**
 * Rows stand in normal flow with spacers for what is left out, so a row that grows pushes the next ones in the same
 * frame; the virtualizer measures, and corrects the scroll position before the frame is painted.
 */
export function useRows({ scroller, rows, pinned, held, follow }: Options): Rows {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const keyOf = useKeyOf(rows);
  const options = {
    count: rows.length,
    getScrollElement: () => scroller.current,
    getItemKey: keyOf,
    estimateSize: () => ESTIMATE_PX,
    overscan: OVERSCAN,
    anchorTo: held.current ? ("start" as const) : ("end" as const),
    followOnAppend: follow && !held.current,
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
    onChange: () => redraw(undefined),
  };
  const [list] = useState(() => {
    const made = new Virtualizer<HTMLElement, HTMLElement>(options);
    // Whatever changes its height above what is being read is made up for, also while scrolling up. Where rows start is
    // out of date while several are measured, which of them are above is not.
    made.shouldAdjustScrollPositionOnItemSizeChange = ({ index, key, start }) => {
      const top = made.range?.startIndex ?? 0;
      const cut = index === top && start < (made.scrollOffset ?? 0) && !made.itemSizeCache.has(key);
      return index < top || cut;
    };
    return made;
  });
  list.setOptions(options);
  // For every row that is measured, the virtualizer would ask how far the end is, and lay out all rows for that answer.
  const left = list.getTotalSize() - (list.scrollOffset ?? 0);
  if (left > 3 * (list.scrollRect?.height ?? 0)) list.options.anchorTo = "start";
  const [sizes] = useState(() => makeSizes(list));
  useLayoutEffect(() => list._didMount(), [list]);
  useLayoutEffect(() => list._willUpdate());

  // Also where all are drawn: it finds out which row is at the top.
  const near = list.getVirtualIndexes();
  const indexes = rows.length <= ALL_UP_TO ? rows.map((_, index) => index) : near;
  const at = (index: number) => list.measurementsCache[index];
  return {
    list,
    indexes,
    sizes,
    space: (from, to) => Math.max(0, (at(to - 1)?.end ?? 0) - (at(from)?.start ?? 0)),
  };
}

/** The virtualizer's own measuring lays out all rows again for each one; and it measures a card before its text is in. */
function makeSizes(list: Virtualizer<HTMLElement, HTMLElement>): ResizeObserver {
  return new ResizeObserver((entries) => {
    for (const { target, borderBoxSize } of entries) {
      const row = target as HTMLElement;
      // To the fraction: rounded heights add up to a list that moves while rows come and go above.
      const size = borderBoxSize[0]?.blockSize;
      // A hidden tab measures everything as nothing, and would lose every place in the list.
      if (size !== undefined && row.offsetParent) list.resizeItem(list.indexFromElement(row), size);
    }
  });
}

type KeyOf = (index: number) => string | number;

/** The row's key by its index; another function only for other rows, as the virtualizer then lays out all of them again. */
function useKeyOf(rows: readonly Message[]): KeyOf {
  const known = useRef<{ rows: readonly Message[]; keyOf: KeyOf } | null>(null);
  const last = known.current;
  if (last?.rows === rows) return last.keyOf;
  const same =
    last?.rows.length === rows.length && rows.every((row, index) => row.id === last.rows[index]?.id);
  const keyOf = same ? last.keyOf : (index: number) => rows[index]?.id ?? index;
  known.current = { rows, keyOf };
  return keyOf;
}
