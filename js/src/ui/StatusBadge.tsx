import { useView } from "../view";
import { Icon } from "./Icon";

export function StatusBadge() {
  const { view, app, t } = useView();
  const connected = app.traits.connected.value;
  const enabled = app.traits.enabled.value;
  const level = enabled > 0 && connected >= enabled ? "all" : connected > 0 ? "some" : "none";
  const icon = ({ all: "check", some: "alert", none: "cross" } as const)[level];
  const name = enabled ? t("statusBadge", { connected, enabled }) : t("noServers");
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
      <Icon name={icon} />
      <span aria-hidden="true">{`${connected}/${enabled}`}</span>
    </button>
  );
}
