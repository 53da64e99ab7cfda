import { type Peer, peerKey } from "../app";
import { hueOf } from "../colour";
import { useView } from "../view";

export function Users() {
  const { view, app, t } = useView();
  const open = view.feed.filter.value.peer;
  const people = distinct(app.client.log.value.users);
  return (
    <div class="imc-users">
      {/* biome-ignore lint/a11y/noRedundantRoles: without a marker some browsers drop the list role */}
      <ul role="list" class="imc-plain" aria-label={t("onlineUsers")}>
        {people.map((peer) => {
          const server = app.serverLabel(peer.server_id);
          return (
            <li key={peerKey(peer)}>
              <button
                type="button"
                class="imc-user"
                style={{ "--imc-hue": hueOf(peer.server_id) }}
                aria-current={open !== null && peerKey(open) === peerKey(peer)}
                aria-label={`${peer.nickname}@${server}`}
                onClick={() => view.converse(peer)}
              >
                <bdi>{peer.nickname}</bdi>
                <span class="imc-user-server">@{server}</span>
              </button>
            </li>
          );
        })}
      </ul>
      {people.length === 0 && <span class="imc-dim">{t("nobodyOnline")}</span>}
    </div>
  );
}

/** One person may be there twice, in two windows: they are one to write to. */
export function distinct(users: readonly Peer[]): Peer[] {
  return [...new Map(users.map((user) => [peerKey(user), user])).values()].map(({ server_id, nickname }) => ({
    server_id,
    nickname,
  }));
}
