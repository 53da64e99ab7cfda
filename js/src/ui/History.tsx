import { useSignal } from "@preact/signals";
import { download, save } from "../transfer";
import { useView } from "../view";
import { Retention } from "./Retention";

/** What is kept of the log; takes it along, or lets it go. */
export function History() {
  const { app, t } = useView();
  const asking = useSignal(false);
  const note = useSignal("");
  const error = useSignal("");

  const take = async (near: Element) => {
    const got = await download(app.client, { export: true }, "application/jsonl");
    error.value = got instanceof Blob ? "" : got || t("kernelSilent");
    const day = new Date().toISOString().slice(0, 10);
    if (got instanceof Blob) save(got, `multichat-${day}.jsonl`, near);
  };
  const clear = async () => {
    asking.value = false;
    const outcome = await app.client.command("clear_history", {});
    error.value = app.explain(outcome);
    note.value = outcome.ok ? t("cleared", { n: Number(outcome.value) || 0 }) : "";
  };
  return (
    <div class="imc-form">
      <p class="imc-section">{t("history")}</p>
      <Retention />
      {asking.value ? (
        <div class="imc-row">
          <span class="imc-grow">{t("clearAsk")}</span>
          <button type="button" class="imc-button imc-danger" onClick={() => void clear()}>
            {t("clear")}
          </button>
          <button
            type="button"
            class="imc-button"
            onClick={() => {
              asking.value = false;
            }}
          >
            {t("cancel")}
          </button>
        </div>
      ) : (
        <div class="imc-row">
          <button type="button" class="imc-button" onClick={(event) => void take(event.currentTarget)}>
            {t("export")}
          </button>
          <button
            type="button"
            class="imc-button"
            onClick={() => {
              asking.value = true;
            }}
          >
            {t("clearHistory")}
          </button>
        </div>
      )}
      <p class={error.value ? "imc-error" : "imc-dim"} aria-live="polite">
        {error.value || note.value}
      </p>
    </div>
  );
}
