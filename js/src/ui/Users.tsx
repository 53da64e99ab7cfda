import { hueOf } from "../colour";
import { distinctPeers, earlierPeers, type Peer, peerKey } from "../people";
import { useUid, useView } from "../view";

export function Users() {
  const { view, app, t } = useView();
  const { users, conversations } = app.client.log.value;
  const people = distinctPeers(users);
  const gone = earlierPeers(conversations, people, view.feed.filter.value.peer);
  return (
    <div class="imc-users">
      <List name={t("onlineUsers")} people={people} />
      {people.length === 0 && <span class="imc-dim">{t("nobodyOnline")}</span>}
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
  const open = view.feed.filter.value.peer;
  const server = app.serverLabel(peer.server_id);
  const unread = app.conversation(peer)?.unread ?? 0;
  const facts = [unread > 0 ? t("unread", { n: unread }) : "", gone ? t("gone") : ""].filter(Boolean);
  return (
    <>
      <button
        type="button"
        class={`imc-user${gone ? " imc-user-gone" : ""}`}
        style={{ "--imc-hue": hueOf(peer.server_id) }}
        aria-current={open !== null && peerKey(open) === peerKey(peer)}
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
