import { useSignal } from "@preact/signals";
import type { ComponentChild } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { seenScope } from "../feed";
import type { Message } from "../model.gen";
import type { Order } from "../protocol";
import { countAfter, indexOf } from "../sorted";
import { formatDay, sameDay } from "../time";
import { useView } from "../view";
import { Card } from "./Card";
import { Empty } from "./Empty";
import { Icon } from "./Icon";
import { AT_END_PX, type Rows, useRows } from "./useRows";
import { useShown } from "./useShown";

/** Older pages are asked for this far from the top. */
const NEAR_TOP_PX = 400;
const TYPES = "textarea, input, select";

export function MessageList() {
  const { view, app, t } = useView();
  const { feed } = view;
  const rows = feed.rows.value;
  const scroller = useRef<HTMLDivElement>(null);
  const focused = useSignal<Message | null>(null);
  const typing = useSignal(false);
  /** The newest message when the list was last at its end: what came after it is new. */
  const readTo = useSignal<Order | null>(null);
  const atEnd = useRef(true);
  /** Where the list stood when that was looked at last, in pixels. */
  const stood = useRef(0);
  /** A card was just unfolded: its beginning stays in view, until the list is scrolled. */
  const held = useRef(false);
  /** Whether the end is out of sight. */
  const away = useSignal(false);
  /** Where Home or End leads, until it is reached: heights are known, and older pages come, only on the way. */
  const bound = useRef<"start" | "end" | null>(null);
  // Read here, so that coming into view is looked at like anything else that changes.
  const shown = useShown(scroller).value;

  const pinned = focused.value;
  const virtual = useRows({
    scroller,
    rows,
    pinned: pinned === null ? -1 : indexOf(rows, pinned),
    held,
    // A hidden list has no height, and so would always seem to be at its end.
    follow: !typing.value && Boolean(scroller.current?.offsetParent),
  });
  const { list } = virtual;

  const scope = seenScope(feed.filter.value);
  const peer = scope === "all" ? null : scope;
  const unread = peer ? (app.conversation(peer)?.unread ?? 0) : app.traits.unread.value;

  /** What follows from where the list stands: what has been seen, and whether older messages are wanted. */
  const onPosition = () => {
    const element = scroller.current;
    if (!element?.offsetParent) return;
    const last = rows.at(-1);
    const left = element.scrollHeight - element.clientHeight - element.scrollTop;
    const there = left <= AT_END_PX;
    // In a burst a list can grow faster than the virtualizer follows. Only who scrolls up, types or reads leaves the end.
    const following = atEnd.current && element.scrollTop >= stood.current && !typing.peek() && !held.current;
    atEnd.current = there || following;
    stood.current = element.scrollTop;
    if (following && !there) list.scrollToEnd();
    away.value = !atEnd.current && left > element.clientHeight / 2;
    if (bound.current === "end") {
      if (left > 1) list.scrollToEnd();
      else bound.current = null;
    }
    if (bound.current === "start") {
      if (element.scrollTop > 0) list.scrollToOffset(0);
      else if (!feed.more.peek() && !feed.loading.peek()) bound.current = null;
    }
    if (last && atEnd.current) {
      readTo.value = last.order;
      if (shown && scope && unread > 0) app.seen(last.order, peer);
    }
    if (rows.length && element.scrollTop < NEAR_TOP_PX) void feed.older();
  };
  // After the virtualizer has settled the scroll position for these rows.
  useEffect(() => {
    const frame = requestAnimationFrame(onPosition);
    return () => cancelAnimationFrame(frame);
  });
  useLayoutEffect(() => list.scrollToEnd(), [list]);
  useEffect(() => {
    view.holdPlace = () => {
      held.current = true;
      atEnd.current = false;
      list.options.anchorTo = "start";
      // A command to stay: it takes the place of what the virtualizer still meant to make up for.
      list.scrollToOffset(scroller.current?.scrollTop ?? 0);
    };
  }, [list, view]);
  const { goal } = view.queue;
  const wanted = goal.value?.id;
  useEffect(() => {
    const index = rows.findIndex((message) => message.id === wanted);
    if (index >= 0) list.scrollToIndex(index, { align: "auto" });
  }, [wanted, list]);
  // A composer that grows, or a notice, makes the list smaller: its end stays in sight.
  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const observer = new ResizeObserver(() => {
      if (atEnd.current && element.offsetParent) list.scrollToEnd();
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [list]);

  const go = (to: "start" | "end") => {
    bound.current = to;
    if (to === "end") list.scrollToEnd();
    else list.scrollToOffset(0);
    onPosition();
  };
  const mark = readTo.value;
  const fresh = mark ? countAfter(rows, mark, (message) => !message.mine) : 0;

  return (
    <div class="imc-main">
      <div
        ref={scroller}
        class="imc-log"
        role="log"
        aria-label={t("messages")}
        aria-live="off"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard must be able to scroll the list
        tabIndex={0}
        onScroll={() => {
          held.current = false;
          // Not before the virtualizer has heard of it: drawn with what it still knew, the list would be put back.
          requestAnimationFrame(onPosition);
        }}
        onKeyDown={(event: KeyboardEvent) => {
          const to = ({ Home: "start", End: "end" } as const)[event.key];
          if (!to || event.target !== event.currentTarget) {
            bound.current = null;
            return;
          }
          event.preventDefault();
          go(to);
        }}
        onWheel={() => {
          bound.current = null;
        }}
        onPointerDown={() => {
          bound.current = null;
        }}
        onFocusIn={(event: FocusEvent) => {
          const target = event.target as Element;
          const item = target.closest<HTMLElement>("[data-index]");
          focused.value = rows[Number(item?.dataset.index ?? -1)] ?? null;
          typing.value = target.matches(TYPES);
        }}
        onFocusOut={() => {
          focused.value = null;
          typing.value = false;
        }}
      >
        {rows.length === 0 ? <Empty /> : null}
        {rows.length > 0 && feed.loading.value && <p class="imc-loading">{t("loadingOlder")}</p>}
        {draw(rows, virtual)}
      </div>
      {(fresh > 0 || away.value) && (
        <button
          type="button"
          class={`imc-pill${fresh > 0 ? "" : " imc-pill-quiet"}`}
          onClick={() => go("end")}
        >
          <Icon name="down" />
          {fresh > 0 ? t("newMessages", { n: fresh }) : t("jumpToLatest")}
        </button>
      )}
    </div>
  );
}

function draw(rows: readonly Message[], { indexes, sizes, space }: Rows): ComponentChild[] {
  const drawn: ComponentChild[] = [];
  let next = 0;
  const leave = (to: number) => {
    if (to > next)
      drawn.push(<div key={`space ${next}`} aria-hidden="true" style={{ height: `${space(next, to)}px` }} />);
  };
  for (const index of indexes) {
    const message = rows[index];
    if (!message) continue;
    leave(index);
    drawn.push(
      <Row
        key={message.id}
        message={message}
        index={index}
        first={!sameDay(rows[index - 1]?.created_at ?? 0, message.created_at)}
        sizes={sizes}
      />,
    );
    next = index + 1;
  }
  leave(rows.length);
  return drawn;
}

interface RowProps {
  readonly message: Message;
  readonly index: number;
  readonly first: boolean;
  readonly sizes: ResizeObserver;
}

function Row({ message, index, first, sizes }: RowProps) {
  const { app, t } = useView();
  const row = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = row.current;
    if (!element) return;
    sizes.observe(element);
    return () => sizes.unobserve(element);
  }, [sizes]);
  return (
    <div ref={row} class="imc-item" data-index={index}>
      {first && <p class="imc-day">{formatDay(app.clock.toLocal(message.created_at), t.locale)}</p>}
      <Card message={message} />
    </div>
  );
}
