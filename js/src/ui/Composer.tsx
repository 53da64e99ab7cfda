import { useSignal } from "@preact/signals";
import { distinct, type Peer, peerKey } from "../people";
import { useView } from "../view";
import { TextBox } from "./TextBox";

export function Composer() {
  const { view, app, t } = useView();
  const { letter, recipient } = app;
  const people = distinct(app.client.log.value.users);
  const busy = useSignal(false);
  const error = useSignal("");

  const [only, ...others] = people;
  const to = recipient.value ?? (others.length === 0 ? (only ?? null) : null);
  const there = to ? app.online(to) : undefined;
  const name = (peer: Peer) => `${peer.nickname}@${app.serverLabel(peer.server_id)}`;
  const listed = to && !there ? [...people, to] : people;
  const closed = listed.length === 0;
  const ready = Boolean(there && letter.value.trim() && !busy.value);

  const send = async () => {
    if (!to || !there || !letter.value.trim() || busy.value) return;
    const text = letter.value;
    busy.value = true;
    const outcome = await app.client.command("send", {
      server_id: to.server_id,
      client_id: there.client_id,
      nickname: to.nickname,
      text,
    });
    busy.value = false;
    error.value = app.explain(outcome);
    // What was typed meanwhile is the next message.
    if (outcome.ok && letter.value === text) letter.value = "";
  };
  const gone = to && !there && letter.value.trim() ? t("goneHint", { peer: name(to) }) : "";
  return (
    <form
      class="imc-composer"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      {(error.value || gone) && (
        <p class="imc-error" role="alert">
          {error.value || gone}
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
            const chosen = listed.find((peer) => peerKey(peer) === key) ?? null;
            recipient.value = chosen;
            // An open conversation with somebody else would show the wrong name over what is sent.
            if (chosen && view.feed.filter.value.peer) view.converse(chosen);
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
          placeholder={t(closed ? "composerHint" : "messagePlaceholder")}
          value={letter.value}
          disabled={closed && !letter.value}
          onInput={(text) => {
            letter.value = text;
            error.value = "";
          }}
          onSubmit={() => void send()}
        />
        <button
          type="submit"
          class="imc-button imc-primary"
          disabled={!ready}
          title={to ? undefined : t("chooseRecipient")}
        >
          {t("send")}
        </button>
      </div>
    </form>
  );
}
