import { isFiltered } from "../feed";
import { useView } from "../view";
import { AgentSetup } from "./AgentSetup";

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
  if (!app.traits.servers.value.some((item) => item.enabled)) return null;
  return (
    <div class="imc-empty">
      <p>{t("needMessage")}</p>
      <AgentSetup />
    </div>
  );
}
