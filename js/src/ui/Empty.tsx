import { isFiltered } from "../feed";
import { useView } from "../view";
import { IconButton } from "./Icon";

/** Where messages would be: what to do next. */
export function Empty() {
  const { view, app, t } = useView();
  const { feed } = view;
  const phase = app.client.phase.value;
  if (app.client.log.value.epoch === null) {
    return (
      <div class="imc-empty" role="status">
        {t(phase === "waiting" ? "waiting" : "runAgain")}
      </div>
    );
  }
  if (feed.loading.value) return <div class="imc-empty">{t("loadingOlder")}</div>;
  const { peer } = feed.filter.value;
  if (peer) {
    const name = `${peer.nickname}@${app.serverLabel(peer.server_id)}`;
    return <div class="imc-empty">{t("noConversation", { peer: name })}</div>;
  }
  if (isFiltered(feed.filter.value)) {
    return (
      <div class="imc-empty">
        <p>{t("nothingFound")}</p>
        <button type="button" class="imc-button" onClick={() => view.showAll()}>
          {t("clearFilters")}
        </button>
      </div>
    );
  }
  const server = app.traits.servers.value.find((item) => item.enabled);
  if (!server) return null;
  const token = server.token_file && ` --token-file "${server.token_file}"`;
  const line = `ipymultichat ask ${server.url} "Shall I go on?"${token}`;
  return (
    <div class="imc-empty">
      <p>{t("needMessage")}</p>
      <div class="imc-sample">
        <code>{line}</code>
        <IconButton
          icon="copy"
          name={t("copy")}
          onClick={(event) => void app.copy(line, event.currentTarget as Element)}
        />
      </div>
    </div>
  );
}
