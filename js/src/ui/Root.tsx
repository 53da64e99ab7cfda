import { hueOf } from "../colour";
import { useView } from "../view";
import { Composer } from "./Composer";
import { Finder } from "./Finder";
import { Header } from "./Header";
import { IconButton } from "./Icon";
import { MessageList } from "./MessageList";
import { Notices } from "./Notices";
import { Rules } from "./Rules";
import { Setup } from "./Setup";
import { Users } from "./Users";

const TYPES = "input, textarea, select, [contenteditable]";

/**
 * JupyterLab asks the focused element first, and its shortcuts match any focused element of a notebook in command mode:
 * "d d" on one of our buttons would delete the cell. The mark has to be on that element, not only around it.
 */
function shield(event: FocusEvent): void {
  if (event.target instanceof Element) event.target.setAttribute("data-lm-suppress-shortcuts", "true");
}

export function Root() {
  const { view, app, t } = useView();
  const phase = app.client.phase.value;
  const dead = phase === "gone" || (phase === "silent" && app.client.log.value.epoch !== null);

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape" && view.dialog.value) {
      view.dialog.value = null;
      event.stopPropagation();
    }
    // Notebook 7 and VS Code listen further up; a letter typed here must never be a command there.
    if (event.target instanceof Element && event.target.matches(TYPES)) event.stopPropagation();
  };

  return (
    <section
      class={`imc-root${dead ? " imc-dead" : ""}`}
      data-lm-suppress-shortcuts="true"
      lang={t.locale === "zh" ? "zh-CN" : "en"}
      aria-label="MultiChat"
      onKeyDown={onKeyDown}
      onFocusIn={shield}
    >
      <Header />
      <Finder />
      <Users />
      <Rules />
      <Notices />
      <Setup />
      <Conversation />
      <MessageList key={JSON.stringify(view.feed.filter.value)} />
      <Composer />
      <div class="imc-sr" role="status" aria-live="polite">
        {app.announcement.value}
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
    <div class="imc-conversation" style={{ "--imc-hue": hueOf(peer.server_id) }}>
      <IconButton icon="back" name={t("back")} onClick={() => view.showAll()} />
      <h2 class="imc-heading">
        <bdi>{peer.nickname}</bdi>@<bdi>{app.serverLabel(peer.server_id)}</bdi>
      </h2>
      {!app.online(peer) && <span class="imc-status imc-status-gone">{t("gone")}</span>}
    </div>
  );
}
