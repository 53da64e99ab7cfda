import { useSignal } from "@preact/signals";
import { useView } from "../view";

/** Somebody who has no server yet can have one here. */
export function StartLocal() {
  const { app, t } = useView();
  const busy = useSignal(false);
  const error = useSignal("");
  const start = async () => {
    busy.value = true;
    error.value = app.explain(await app.client.command("start_local", {}));
    busy.value = false;
  };
  return (
    <div class="imc-row">
      <span class="imc-dim">{t("startLocalHint")}</span>
      <button type="button" class="imc-button" disabled={busy.value} onClick={() => void start()}>
        {t("startLocal")}
      </button>
      {error.value && (
        <p class="imc-error" role="alert">
          {error.value}
        </p>
      )}
    </div>
  );
}
