import { useSignal } from "@preact/signals";
import { type Preferences, TEXT_PREFERENCES } from "../model.gen";
import { useView } from "../view";
import { useCommand } from "./useCommand";

/** What stands around replies and which answers are one press away: kept with the profile. */
export function Answering() {
  const { app, t } = useView();
  const preferences = app.traits.settings.value.preferences;
  const { error, run } = useCommand();
  // News from the kernel renders this again, and must not replace what is being typed.
  const typed = useSignal<Readonly<Record<string, string>>>({});
  const type = (name: string, text: string) => {
    typed.value = { ...typed.value, [name]: text };
  };
  const save = (changes: Partial<Preferences>) => run("set_preferences", changes);
  return (
    <div class="imc-form">
      <div class="imc-fields">
        {TEXT_PREFERENCES.map((name) => (
          <label key={name}>
            <span>
              {t(name)} {name === "suffix" && <span class="imc-dim">{t("wrapHint")}</span>}
            </span>
            <textarea
              class="imc-input imc-text"
              rows={1}
              dir="auto"
              value={typed.value[name] ?? preferences[name]}
              onInput={(event) => type(name, event.currentTarget.value)}
              onChange={(event) => void save({ [name]: event.currentTarget.value })}
            />
          </label>
        ))}
      </div>
      <label>
        <span>
          {t("quickAnswers")} <span class="imc-dim">{t("quickHint")}</span>
        </span>
        <input
          class="imc-input"
          type="text"
          dir="auto"
          placeholder={t("quickDefaults")}
          value={typed.value.quick ?? preferences.quick.join(", ")}
          onInput={(event) => type("quick", event.currentTarget.value)}
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
