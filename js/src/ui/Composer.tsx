import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { isolate } from "../invisible";
import { type Peer, peerKey } from "../people";
import { useView } from "../view";
import { TextBox } from "./TextBox";

export function Composer() {
  const { view, app, t } = useView();
  const { chatDrafts } = app;
  // What an open conversation shows over the messages is who they are sent to.
  const to = view.feed.filter.value.peer ?? chatDrafts.recipient.value;
  const recipients = chatDrafts.recipients.value;
  const listed =
    to && !recipients.some((peer) => peerKey(peer) === peerKey(to)) ? [...recipients, to] : recipients;
  const text = chatDrafts.text(to);
  const { busy, error } = chatDrafts.state(to);
  const there = to !== null && app.online(to) !== undefined;
  const name = (peer: Peer) => `${isolate(peer.nickname)}@${isolate(app.serverLabel(peer.server_id))}`;
  const gone = to && !there && text.trim() ? t("goneHint", { peer: name(to) }) : "";
  const missing = to && !there ? to.nickname : "";
  // They may be there, beyond those the browser knows of.
  useEffect(() => app.seek(missing), [missing, app]);
  const closed = listed.length === 0;
  // While agents wait it stands back, or what is meant for them is typed here.
  const quiet = app.waiting.value.length > 0 && !view.feed.filter.value.peer && !text;

  const form = useRef<HTMLFormElement>(null);
  const opened = view.writing.value;
  useLayoutEffect(() => {
    if (!opened) return;
    view.writing.value = null;
    form.current?.querySelector("textarea")?.focus({ preventScroll: true });
  }, [opened, view]);

  const send = () => {
    if (to) void app.sendChat(to);
  };
  return (
    <form
      ref={form}
      class={`imc-composer${quiet ? " imc-composer-quiet" : ""}`}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {(error || gone) && (
        <p class="imc-error" role="alert">
          {error || gone}
        </p>
      )}
      <div class="imc-composer-row">
        <select
          class="imc-input imc-to"
          aria-label={t("to")}
          disabled={closed}
          value={to ? peerKey(to) : ""}
          onChange={(event) => {
            const key = event.currentTarget.value;
            const chosen = listed.find((peer) => peerKey(peer) === key);
            if (!chosen) return;
            if (view.feed.filter.value.peer) view.converse(chosen);
            else chatDrafts.choose(chosen);
          }}
        >
          {!to && <option value="">{t("to")}…</option>}
          {listed.map((peer) => (
            <option key={peerKey(peer)} value={peerKey(peer)}>
              {name(peer)}
              {app.online(peer) ? "" : ` (${t("gone")})`}
            </option>
          ))}
        </select>
        <TextBox
          name={t("message")}
          placeholder={t(closed ? "composerHint" : quiet ? "quietPlaceholder" : "messagePlaceholder")}
          value={text}
          disabled={closed && !text}
          onInput={(typed) => chatDrafts.type(to, typed)}
          onSubmit={send}
        />
        <button
          type="submit"
          class="imc-button imc-primary"
          disabled={!there || busy || !text.trim()}
          title={to ? undefined : t("chooseRecipient")}
        >
          {t("send")}
        </button>
      </div>
    </form>
  );
}
