import { hueOf } from "../colour";
import { useView } from "../view";
import { IconButton } from "./Icon";

export function Conversation() {
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
