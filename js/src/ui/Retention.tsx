import { useSignal } from "@preact/signals";
import { useView } from "../view";

const FIELDS = ["days", "mebibytes"] as const;

/** How long messages stay on disk, and how much of it they may take. */
export function Retention() {
  const { app, t } = useView();
  const known = app.traits.settings.value.history;
  const error = useSignal("");
  // What is being typed is no one else's: news from the kernel renders this again, and must not put the old text back.
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
