import { useSignal } from "@preact/signals";
import type { Preferences } from "../protocol";
import { useView } from "../view";

/** What stands around replies and which answers are one press away: kept with the profile. */
export function Answering() {
  const { app, t } = useView();
  const { prefix, suffix, quick } = app.traits.settings.value.preferences;
  const error = useSignal("");
  const save = async (changes: Partial<Preferences>) => {
    error.value = app.explain(await app.client.command("set_preferences", changes));
  };
  return (
    <div class="imc-form">
      <div class="imc-fields">
        {(["prefix", "suffix"] as const).map((name) => (
          <label key={name}>
            <span>{t(name)}</span>
            <textarea
              class="imc-input imc-text"
              rows={1}
              dir="auto"
              value={name === "prefix" ? prefix : suffix}
              onChange={(event) => void save({ [name]: event.currentTarget.value })}
            />
          </label>
        ))}
      </div>
      <p class="imc-dim">{t("wrapHint")}</p>
      <label>
        <span>
          {t("quickAnswers")} <span class="imc-dim">{t("quickHint")}</span>
        </span>
        <input
          class="imc-input"
          type="text"
          placeholder={t("quickDefaults")}
          value={quick.join(", ")}
          onChange={(event) => void save({ quick: event.currentTarget.value.split(/[,，]/) })}
        />
      </label>
      {error.value && (
        <p class="imc-error" role="alert">
          {error.value}
        </p>
      )}
    </div>
  );
}
