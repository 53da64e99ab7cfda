import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { useView } from "../view";
import { IconButton } from "./Icon";
import { useCopied } from "./useCopied";

/** As the kernel knows them; "shell" is a command that asks by itself. */
const CLIENTS = [
  ["claude-code", "Claude Code"],
  ["codex", "Codex"],
  ["cursor", "Cursor"],
  ["vscode", "VS Code"],
  ["opencode", "opencode"],
] as const;

interface Setup {
  readonly text: string;
  readonly where: string;
}

/** How agents get in: what to paste where, without the token until somebody asks to see it. */
export function AgentSetup() {
  const { app, t } = useView();
  const client = useSignal("shell");
  const shown = useSignal(false);
  const setup = useSignal<Setup>({ text: "", where: "" });
  const failed = useSignal("");
  const copied = useCopied();
  const { servers, settings } = app.traits;
  const server = servers.value.find((item) => item.enabled);
  const asked = [client.value, server?.id, server?.url, server?.token_file, settings.value.has_token].join(
    "\n",
  );
  useEffect(() => {
    let wanted = true;
    if (server) {
      const args = { client: client.value, server_id: server.id, show_token: shown.value };
      void app.client.command("agent_setup", args).then((outcome) => {
        if (!wanted) return;
        failed.value = app.explain(outcome);
        if (outcome.ok) setup.value = outcome.value as Setup;
      });
    }
    return () => {
      wanted = false;
    };
  }, [asked, shown.value]);
  if (!server) return null;
  return (
    <div class="imc-agent-setup">
      <label class="imc-row">
        <span>{t("agentSetup")}</span>
        <select
          class="imc-input"
          value={client.value}
          onChange={(event) => {
            client.value = event.currentTarget.value;
            shown.value = false;
            setup.value = { text: "", where: "" };
          }}
        >
          <option value="shell">{t("shellCommand")}</option>
          {CLIENTS.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </label>
      {client.value !== "shell" && <span class="imc-dim">{t("putInto", { where: setup.value.where })}</span>}
      <div class="imc-sample">
        <code>{setup.value.text}</code>
        <IconButton
          icon="copy"
          name={t("copy")}
          onClick={(event) => void copied.copy(setup.value.text, event.currentTarget as Element)}
        />
        {copied.word.value && (
          <span class="imc-dim" role="status">
            {t(copied.word.value)}
          </span>
        )}
      </div>
      {(shown.value || setup.value.text.includes("MULTICHAT_TOKEN")) && (
        <p class="imc-dim">
          {shown.value ? t("tokenShown") : t("tokenNamed")}{" "}
          <button
            type="button"
            class="imc-link"
            onClick={() => {
              shown.value = !shown.value;
            }}
          >
            {t(shown.value ? "hideToken" : "showToken")}
          </button>
        </p>
      )}
      {failed.value && (
        <p class="imc-error" role="alert">
          {failed.value}
        </p>
      )}
    </div>
  );
}
