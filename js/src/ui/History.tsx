import { useSignal } from "@preact/signals";
import { download, save } from "../transfer";
import { useView } from "../view";

const FIELDS = ["days", "mebibytes"] as const;

/** How long messages are kept; exports and clears them. */
export function History() {
  const { app, t } = useView();
  const asking = useSignal(false);
  const note = useSignal("");
  const error = useSignal("");

  const exportLog = async (near: Element) => {
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
          <button type="button" class="imc-button" onClick={(event) => void exportLog(event.currentTarget)}>
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

/** How long messages stay on disk, and how much of it they may take. */
function Retention() {
  const { app, t } = useView();
  const known = app.traits.settings.value.history;
  const error = useSignal("");
  // News from the kernel renders this again, and must not replace what is being typed.
  const typed = useSignal<Readonly<Record<string, string>>>({});
  if (!known.kept) return <p class="imc-dim">{t("nothingKept")}</p>;

  const shown = (name: (typeof FIELDS)[number]) => typed.value[name] ?? `${known[name]}`;
  const save = async () => {
    const [days = Number.NaN, mebibytes = Number.NaN] = FIELDS.map((name) =>
      shown(name).trim() ? Number(shown(name)) : Number.NaN,
    );
    if (!(days >= 0 && mebibytes >= 0)) {
      error.value = t("retentionWrong");
      return;
    }
    error.value = app.explain(await app.client.command("set_history", { days, mebibytes }));
  };
  return (
    <>
      <div class="imc-fields">
        {FIELDS.map((name) => (
          <label key={name}>
            <span>{t(name === "days" ? "keepDays" : "keepMebibytes")}</span>
            <input
              class="imc-input"
              type="number"
              min="0"
              step={name === "days" ? "any" : 1}
              value={shown(name)}
              aria-invalid={error.value !== "" && !(shown(name).trim() && Number(shown(name)) >= 0)}
              onInput={(event) => {
                typed.value = { ...typed.value, [name]: event.currentTarget.value };
              }}
              onChange={() => void save()}
            />
          </label>
        ))}
      </div>
      {error.value && (
        <p class="imc-error" role="alert">
          {error.value}
        </p>
      )}
    </>
  );
}
