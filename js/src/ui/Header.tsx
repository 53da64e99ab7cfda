import { useView } from "../view";
import { NextDeadline } from "./Countdown";
import { Dialog } from "./Dialog";
import { SearchBox } from "./Finder";
import { Icon, IconButton } from "./Icon";
import { SelectionForm } from "./Selection";
import { Servers } from "./Servers";
import { Settings } from "./Settings";
import { Shortcuts } from "./Shortcuts";

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
        {app.waiting.value.length > 0 && (
          <IconButton icon="down" name={t("nextPending")} onClick={() => view.queue.step(1, "answer")} />
        )}
        <IconButton
          icon="keys"
          name={t("shortcuts")}
          onClick={() => {
            view.dialog.value = view.dialog.value === "shortcuts" ? null : "shortcuts";
          }}
        />
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
          <span aria-hidden="true">
            {t("pendingCount", { n: pending.value })}
            <NextDeadline />
          </span>
        </button>
        <IconButton
          icon="filter"
          name={t("filters")}
          pressed={view.filtersOpen.value}
          onClick={() => {
            view.filtersOpen.value = !view.filtersOpen.value;
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
      <Dialog name="shortcuts" title={t("shortcuts")}>
        <Shortcuts />
      </Dialog>
      <Dialog name="selected" title={t("answerSelected")}>
        <SelectionForm />
      </Dialog>
    </div>
  );
}

/** How many of the servers are connected; opens the list of them. */
function StatusBadge() {
  const { view, app, t } = useView();
  const connected = app.traits.connected.value;
  const enabled = app.traits.enabled.value;
  const dead = app.dead.value;
  const reached = connected >= enabled ? "all" : connected > 0 ? "some" : "none";
  const level = dead || !enabled ? "unknown" : reached;
  const icon = ({ all: "check", some: "alert", none: "cross" } as const)[reached];
  const known = enabled ? t("statusBadge", { connected, enabled }) : t("noServers");
  const name = dead ? t("noKernel") : known;
  return (
    <button
      type="button"
      class={`imc-badge imc-badge-${level}`}
      aria-label={name}
      title={name}
      aria-haspopup="dialog"
      aria-expanded={view.dialog.value === "connections"}
      onClick={() => {
        view.dialog.value = view.dialog.value === "connections" ? null : "connections";
      }}
    >
      {level !== "unknown" && <Icon name={icon} />}
      <span aria-hidden="true">{dead ? "–" : enabled ? `${connected}/${enabled}` : name}</span>
    </button>
  );
}
