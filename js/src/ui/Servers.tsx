import { useSignal } from "@preact/signals";
import type { Server } from "../protocol";
import { formatFull, formatTime } from "../time";
import { useView } from "../view";
import { NextTry } from "./Countdown";
import { IconButton } from "./Icon";
import { ServerForm } from "./ServerForm";
import { StartLocal } from "./StartLocal";
import { TokenForm } from "./TokenForm";
import { useCommand } from "./useCommand";

/** How the kernel begins to say that a server does not know the token. */
const REFUSED = "the server refused the login";

export function Servers() {
  const { app, t } = useView();
  const servers = app.traits.servers.value;
  const adding = useSignal(false);
  return (
    <div class="imc-servers">
      {servers.length > 0 && (
        // biome-ignore lint/a11y/noRedundantRoles: without a marker some browsers drop the list role
        <ul role="list" class="imc-plain">
          {servers.map((server) => (
            <ServerItem key={server.id} server={server} />
          ))}
        </ul>
      )}
      {(servers.length === 0 || adding.value) && <StartLocal />}
      {servers.length === 0 || adding.value ? (
        <ServerForm
          submit={t("addServer")}
          onSubmit={(fields) => app.client.command("add_server", { ...fields, enabled: true })}
          onDone={() => {
            adding.value = false;
          }}
          {...(servers.length > 0 && {
            onCancel: () => {
              adding.value = false;
            },
          })}
        />
      ) : (
        <div class="imc-row">
          <button
            type="button"
            class="imc-button"
            onClick={() => {
              adding.value = true;
            }}
          >
            {t("addServer")}
          </button>
          <button
            type="button"
            class="imc-button"
            onClick={() => void app.client.command("reconnect", { server_id: null })}
          >
            {t("retryAll")}
          </button>
        </div>
      )}
    </div>
  );
}

function ServerItem({ server }: { server: Server }) {
  const { app, t } = useView();
  const mode = useSignal<"show" | "edit" | "delete">("show");
  const { error, run } = useCommand();
  const show = () => {
    mode.value = "show";
  };
  const { id: server_id } = server;
  const waits = server.enabled && server.state !== "connected";
  return (
    <li class="imc-server" style={{ "--imc-hue": app.colours.of(server_id) }}>
      <div class="imc-server-line">
        <span class="imc-server-name">
          <bdi class="imc-tag">{server.label}</bdi>
          <bdi class="imc-url">{server.url}</bdi>
        </span>
        <span class={`imc-state imc-state-${server.enabled ? server.state : "disconnected"}`}>
          {t(server.enabled ? server.state : "disabled")}
        </span>
      </div>
      {server.error && server.enabled && <p class="imc-error">{t.said(server.error)}</p>}
      {server.enabled && server.error.startsWith(REFUSED) && <TokenForm of={server} />}
      {server.notice && server.enabled && <p class="imc-server-notice">{t.said(server.notice)}</p>}
      <p class="imc-dim imc-facts">
        {waits && server.attempt > 0 && <span>{t("attempt", { n: server.attempt })}</span>}
        {waits && server.retry_at !== null && <NextTry at={server.retry_at} />}
        {server.state === "connected" && server.connected_at !== null && (
          <span title={formatFull(app.clock.toLocal(server.connected_at), t.locale)}>
            {t("connectedSince", { time: formatTime(app.clock.toLocal(server.connected_at), t.locale) })}
          </span>
        )}
      </p>
      {mode.value === "show" && (
        <div class="imc-row">
          <label class="imc-switch">
            <input
              type="checkbox"
              role="switch"
              checked={server.enabled}
              aria-checked={server.enabled}
              aria-label={t("enabledSwitch", { server: server.label })}
              onChange={(event) =>
                void run("update_server", { server_id, enabled: event.currentTarget.checked })
              }
            />
            <span aria-hidden="true" />
          </label>
          {waits && (
            <button type="button" class="imc-button" onClick={() => void run("reconnect", { server_id })}>
              {t("retryNow")}
            </button>
          )}
          <span class="imc-grow" />
          <IconButton
            icon="edit"
            name={t("edit", { server: server.label })}
            onClick={() => {
              mode.value = "edit";
            }}
          />
          <IconButton
            icon="trash"
            name={t("deleteServer", { server: server.label })}
            onClick={() => {
              mode.value = "delete";
            }}
          />
        </div>
      )}
      {mode.value === "edit" && (
        <ServerForm
          submit={t("save")}
          url={server.url}
          name={server.name}
          ownToken={server.own_token}
          onSubmit={(fields) => app.client.command("update_server", { server_id, ...fields })}
          onDone={show}
          onCancel={show}
        />
      )}
      {mode.value === "delete" && (
        <div class="imc-row">
          <span class="imc-grow">{t("deleteAsk", { server: server.label })}</span>
          <button
            type="button"
            class="imc-button imc-danger"
            onClick={() => void run("remove_server", { server_id })}
          >
            {t("delete")}
          </button>
          <button type="button" class="imc-button" onClick={show}>
            {t("cancel")}
          </button>
        </div>
      )}
      {error.value && (
        <p class="imc-error" role="alert">
          {error.value}
        </p>
      )}
    </li>
  );
}
