import { useView } from "../view";
import { useCommand } from "./useCommand";

/** Somebody who has no server yet can have one here. */
export function StartLocal() {
  const { t } = useView();
  const { busy, error, run } = useCommand();
  return (
    <div class="imc-row">
      <span class="imc-dim">{t("startLocalHint")}</span>
      <button
        type="button"
        class="imc-button"
        disabled={busy.value}
        onClick={() => void run("start_local", {})}
      >
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
