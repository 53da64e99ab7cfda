import { useRef } from "preact/hooks";
import { runShortcut } from "../keys";
import { useView } from "../view";
import { Composer } from "./Composer";
import { Finder } from "./Finder";
import { Header } from "./Header";
import { Found } from "./Hits";
import { IconButton } from "./Icon";
import { MessageList } from "./MessageList";
import { Notices } from "./Notices";
import { Queue } from "./Queue";
import { QueueBar } from "./QueueBar";
import { Rules } from "./Rules";
import { SelectionBar } from "./Selection";
import { Setup } from "./Setup";
import { Users } from "./Users";
import { useKeepFocus } from "./useKeepFocus";

const TYPES = "input, textarea, select, [contenteditable]";
const BOX = "textarea, input[type=text], input[type=search], input[type=password], input[type=number]";

/**
 * JupyterLab asks the focused element first, and its shortcuts match any focused element of a notebook in command mode:
 * "d d" on one of our buttons would delete the cell. The mark has to be on that element, not only around it.
 */
function shield({ target }: FocusEvent): void {
  if (target instanceof Element) target.setAttribute("data-lm-suppress-shortcuts", "true");
}

export function Root() {
  const { view, app, t } = useView();
  const root = useRef<HTMLElement>(null);
  useKeepFocus(root);

  /** Out of a field first, and what is typed stays; then out of the dialog. */
  const leave = (event: KeyboardEvent) => {
    const box = event.target instanceof HTMLElement && event.target.matches(BOX) ? event.target : null;
    if (!box && !view.dialog.value) return;
    if (box) box.closest<HTMLElement>("article, [role=dialog], .imc-root")?.focus({ preventScroll: true });
    else view.dialog.value = null;
    event.stopPropagation();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") leave(event);
    else if (runShortcut(view, event)) {
      event.preventDefault();
      event.stopPropagation();
    }
    // Notebook 7 and VS Code listen further up; a letter typed here must never be a command there.
    if (event.target instanceof Element && event.target.matches(TYPES)) event.stopPropagation();
  };

  return (
    <section
      ref={root}
      class={`imc-root${app.dead.value ? " imc-dead" : ""}`}
      data-lm-suppress-shortcuts="true"
      lang={t.locale === "zh" ? "zh-CN" : "en"}
      aria-label="MultiChat"
      // A click on a blank of it must not leave the focus in the notebook, whose shortcuts would take what is typed.
      tabIndex={-1}
      onKeyDown={onKeyDown}
      onFocusIn={(event) => {
        shield(event);
        const article = (event.target as Element).closest<HTMLElement>("article[data-id]");
        if (article) view.queue.visit(article.dataset.id ?? "");
      }}
    >
      <Header />
      <Finder />
      <Users />
      <Rules />
      <Notices />
      <Setup />
      <Conversation />
      <Found />
      {view.queue.shown && <QueueBar />}
      {view.queue.shown ? <Queue /> : <MessageList key={JSON.stringify(view.feed.filter.value)} />}
      <SelectionBar />
      <Composer />
      <div class="imc-sr" role="status" aria-live="polite">
        <span key={app.announcement.value}>{app.announcement.value}</span>
      </div>
    </section>
  );
}

/** Whose conversation is open. */
function Conversation() {
  const { view, app, t } = useView();
  const peer = view.feed.filter.value.peer;
  if (!peer) return null;
  return (
    <div class="imc-conversation" style={{ "--imc-hue": app.colours.of(peer.server_id) }}>
      <IconButton icon="back" name={t("back")} onClick={() => view.showAll()} />
      <h2 class="imc-heading">
        <bdi>{peer.nickname}</bdi>@<bdi>{app.serverLabel(peer.server_id)}</bdi>
      </h2>
      {!app.online(peer) && <span class="imc-status imc-status-gone">{t("gone")}</span>}
    </div>
  );
}
