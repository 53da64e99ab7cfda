import { useSignal } from "@preact/signals";
import type { Server } from "../protocol";
import { useView } from "../view";
import { TextField } from "./TextField";

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
  const own = of?.own_token ? of : null;
  const set = own !== null || app.traits.settings.value.has_token;
  const save = async () => {
    const token = typed.value.trim();
    if (!token) return;
    const outcome = own
      ? await app.client.command("update_server", { server_id: own.id, token })
      : await app.client.command("set_token", { token });
    failed.value = !outcome.ok;
    note.value = outcome.ok ? t("saved") : app.explain(outcome);
    if (outcome.ok) typed.value = "";
  };
  return (
    <form class="imc-form" onSubmit={(event) => event.preventDefault()}>
      <TextField
        label={
          <>
            {t(own ? "ownToken" : "token")}{" "}
            <span class={set ? "imc-dim" : "imc-error"}>({t(set ? "tokenSet" : "tokenNotSet")})</span>
          </>
        }
        value={typed}
        secret
        placeholder={t("tokenPlaceholder")}
        onChange={() => void save()}
      />
      <p class={failed.value ? "imc-error" : "imc-dim"} aria-live="polite">
        {note.value || t("tokenHint")}
      </p>
    </form>
  );
}
