import { useSignal } from "@preact/signals";
import type { Server } from "../protocol";
import { useView } from "../view";

interface Props {
  /** The server that refused a token: one of its own is set anew for it alone. */
  readonly of?: Server;
}

/** Write-only: the token goes to the kernel and nothing of it ever comes back. */
export function TokenForm({ of }: Props) {
  const { app, t } = useView();
  const typed = useSignal("");
  const note = useSignal("");
  const failed = useSignal(false);
  const set = of?.own_token || app.traits.settings.value.has_token;
  const save = async () => {
    const token = typed.value.trim();
    if (!token) return;
    const outcome = of?.own_token
      ? await app.client.command("update_server", { server_id: of.id, token })
      : await app.client.command("set_token", { token });
    failed.value = !outcome.ok;
    note.value = outcome.ok ? t("saved") : app.explain(outcome);
    if (outcome.ok) typed.value = "";
  };
  return (
    <form class="imc-form" onSubmit={(event) => event.preventDefault()}>
      <label>
        <span>
          {t(of?.own_token ? "ownToken" : "token")}{" "}
          <span class={set ? "imc-dim" : "imc-error"}>({t(set ? "tokenSet" : "tokenNotSet")})</span>
        </span>
        <input
          class="imc-input"
          type="password"
          autocomplete="off"
          placeholder={t("tokenPlaceholder")}
          value={typed.value}
          onInput={(event) => {
            typed.value = event.currentTarget.value;
          }}
          onChange={() => void save()}
        />
      </label>
      <p class={failed.value ? "imc-error" : "imc-dim"} aria-live="polite">
        {note.value || t("tokenHint")}
      </p>
    </form>
  );
}
