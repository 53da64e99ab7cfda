import { useView } from "../view";
import { ServerForm } from "./ServerForm";
import { StartLocal } from "./StartLocal";
import { TokenForm } from "./TokenForm";

/** What is missing before anything can arrive, asked for in place. */
export function Setup() {
  const { view, app, t } = useView();
  // The settings dialog asks for the same things; two identical fields at once would confuse.
  if (view.dialog.value) return null;
  const noToken = !app.traits.settings.value.has_token;
  const noServer = app.client.log.value.epoch !== null && app.traits.servers.value.length === 0;
  if (!noToken && !noServer) return null;
  return (
    <div class="imc-setup">
      {noServer && (
        <>
          <p>{t("needServer")}</p>
          <ServerForm
            submit={t("addServer")}
            onSubmit={(fields) => app.client.command("add_server", { ...fields, enabled: true })}
            onDone={() => {}}
          />
          <StartLocal />
        </>
      )}
      {noToken && (
        <>
          <p>{t("needToken")}</p>
          <TokenForm />
        </>
      )}
    </div>
  );
}
