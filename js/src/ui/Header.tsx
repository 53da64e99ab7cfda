import { useView } from "../view";
import { Dialog } from "./Dialog";
import { SearchBox } from "./Finder";
import { Icon, IconButton } from "./Icon";
import { Servers } from "./Servers";
import { Settings } from "./Settings";
import { StatusBadge } from "./StatusBadge";

export function Header() {
  const { view, app, t } = useView();
  const { pending, unread } = app.traits;
  const { filter } = view.feed;
  return (
    <div class="imc-header">
      <span class="imc-brand">
        <span class="imc-brand-name">MultiChat</span>
        {unread.value > 0 && (
          <span class="imc-unread" title={t("unread", { n: unread.value })}>
            {unread.value}
            <span class="imc-sr">{t("unread", { n: "" })}</span>
          </span>
        )}
      </span>
      <SearchBox place="header" />
      <span class="imc-tools">
        <StatusBadge />
        <button
          type="button"
          class={`imc-chip${pending.value ? " imc-chip-waiting" : ""}`}
          aria-label={t("pendingOnly")}
          aria-pressed={filter.value.pending}
          title={t("pendingOnly")}
          onClick={() => view.feed.set({ pending: !filter.value.pending, peer: null })}
        >
          <span aria-hidden="true">{t("pendingCount", { n: pending.value })}</span>
        </button>
        <IconButton
          icon="filter"
          name={t("filters")}
          pressed={view.finding.value}
          onClick={() => {
            view.finding.value = !view.finding.value;
          }}
        />
        <button
          type="button"
          class="imc-icon-button"
          aria-label={t("settings")}
          title={t("settings")}
          aria-haspopup="dialog"
          aria-expanded={view.dialog.value === "settings"}
          onClick={() => {
            view.dialog.value = view.dialog.value === "settings" ? null : "settings";
          }}
        >
          <Icon name="settings" />
        </button>
      </span>
      <Dialog name="connections" title={t("serverConnections")}>
        <Servers />
      </Dialog>
      <Dialog name="settings" title={t("settings")}>
        <Settings />
      </Dialog>
    </div>
  );
}
