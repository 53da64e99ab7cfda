import { useSignal } from "@preact/signals";
import { KINDS, type Kind } from "../model.gen";
import { canNotify } from "../notify";
import { useView } from "../view";

const PLURAL = { question: "questions", report: "reports", chat: "chats" } as const;

/** Which kinds of message notify the person, and which make a sound: none, until it is chosen here. */
export function Attention() {
  const { app, t } = useView();
  const { prefs } = app;
  const refused = useSignal(false);
  const toggle = async (how: "notify" | "sound", kind: Kind, box: HTMLInputElement) => {
    const on = box.checked;
    if (how === "notify" && on) {
      const allowed = canNotify(window) && (await Notification.requestPermission()) === "granted";
      refused.value = !allowed;
      if (!allowed) {
        box.checked = false;
        return;
      }
    }
    const kinds = KINDS.filter((item) => (item === kind ? on : prefs.value[how].includes(item)));
    prefs.value = { ...prefs.value, [how]: kinds };
  };
  return (
    <fieldset class="imc-attention">
      <legend>
        <span class="imc-section">{t("attention")}</span> <span class="imc-dim">{t("attentionHint")}</span>
      </legend>
      {(["notify", "sound"] as const).map((how) => (
        <div key={how} class="imc-row">
          <span class="imc-attention-how">{t(how)}</span>
          {KINDS.map((kind) => (
            <label key={kind} class="imc-check">
              <input
                type="checkbox"
                checked={prefs.value[how].includes(kind)}
                aria-label={`${t(how)}: ${t(PLURAL[kind])}`}
                onChange={(event) => void toggle(how, kind, event.currentTarget)}
              />
              {t(PLURAL[kind])}
            </label>
          ))}
        </div>
      ))}
      {refused.value && (
        <p class="imc-error" role="alert">
          {t(window.isSecureContext ? "notifyRefused" : "notifyInsecure")}
        </p>
      )}
    </fieldset>
  );
}
