import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { earlierPeers, type Peer, peerKey } from "../people";
import { useUid, useView, type View } from "../view";

/** From so many people on there is a box to find one. */
const CROWD = 30;
const SEEK_MS = 200;
/** So many people are shown until all are wanted. */
const SHOWN = 6;

const isOpenPeer = (view: View, peer: Peer): boolean => {
  const open = view.feed.filter.value.peer;
  return open !== null && peerKey(open) === peerKey(peer);
};

export function Users() {
  const { view, app, t } = useView();
  const { users, userCount, conversations } = app.client.log.value;
  const search = useSignal("");
  const crowded = userCount > CROWD;
  const wanted = crowded ? search.value.trim().toLowerCase() : "";
  const found = app.people.value.filter((peer) => peer.nickname.toLowerCase().includes(wanted));
  const all = useSignal(false);
  // Those who wrote, and whose conversation is open, are always there.
  const calls = (peer: Peer): boolean => (app.conversation(peer)?.unread ?? 0) > 0 || isOpenPeer(view, peer);
  const people = all.value || wanted ? found : found.filter((peer, place) => place < SHOWN || calls(peer));
  const hidden = found.length - people.length;
  const gone = earlierPeers(conversations, app.people.value, view.feed.filter.value.peer);
  const unknown = userCount - users.length;
  useEffect(() => {
    const timer = setTimeout(() => app.seek(wanted), SEEK_MS);
    return () => clearTimeout(timer);
  }, [wanted, app]);
  return (
    <div class="imc-users">
      {crowded && (
        <input
          type="search"
          class="imc-input imc-find-people"
          aria-label={t("findPeople")}
          placeholder={t("findPeople")}
          value={search.value}
          onInput={(event) => {
            search.value = event.currentTarget.value;
          }}
        />
      )}
      <List name={t("onlineUsers")} people={people} />
      {hidden > 0 && !all.value && (
        <button
          type="button"
          class="imc-user imc-user-more"
          aria-label={t("showAllPeople", { n: hidden })}
          title={t("showAllPeople", { n: hidden })}
          onClick={() => {
            all.value = true;
          }}
        >
          +{hidden}
        </button>
      )}
      {unknown > 0 && <span class="imc-dim">{t("moreOnline", { n: unknown })}</span>}
      {people.length === 0 && !wanted && <span class="imc-dim">{t("nobodyOnline")}</span>}
      {gone.length > 0 && <List name={t("earlierConversations")} people={gone} gone />}
    </div>
  );
}

interface ListProps {
  readonly name: string;
  readonly people: readonly Peer[];
  readonly gone?: boolean;
}

function List({ name, people, gone = false }: ListProps) {
  return (
    // biome-ignore lint/a11y/noRedundantRoles: without a marker some browsers drop the list role
    <ul role="list" class="imc-plain" aria-label={name}>
      {people.map((peer) => (
        <li key={peerKey(peer)}>
          <Person peer={peer} gone={gone} />
        </li>
      ))}
    </ul>
  );
}

/** The name is the person alone, as it is looked for; what else is to be known of them describes it. */
function Person({ peer, gone }: { peer: Peer; gone: boolean }) {
  const { view, app, t } = useView();
  const about = useUid();
  const server = app.serverLabel(peer.server_id);
  const unread = app.conversation(peer)?.unread ?? 0;
  const facts = [unread > 0 ? t("unread", { n: unread }) : "", gone ? t("gone") : ""].filter(Boolean);
  return (
    <>
      <button
        type="button"
        class={`imc-user${gone ? " imc-user-gone" : ""}`}
        style={{ "--imc-hue": app.colours.of(peer.server_id) }}
        aria-current={isOpenPeer(view, peer)}
        aria-label={`${peer.nickname}@${server}`}
        aria-describedby={facts.length ? about : undefined}
        title={facts.join(", ") || undefined}
        onClick={() => view.converse(peer)}
      >
        <bdi>{peer.nickname}</bdi>
        <span class="imc-user-server">
          @<bdi>{server}</bdi>
        </span>
        {gone && <span class="imc-user-state">{t("gone")}</span>}
        {unread > 0 && <span class="imc-unread">{unread}</span>}
      </button>
      {facts.length > 0 && (
        <span id={about} hidden>
          {facts.join(", ")}
        </span>
      )}
    </>
  );
}
