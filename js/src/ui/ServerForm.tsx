import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Outcome } from "../client";
import { isObject } from "../validate";
import { useUid, useView } from "../view";
import { TextField } from "./TextField";

const CHECK_MS = 300;

/** Without `token` that stays as it is; "" takes its own from it. */
interface Fields {
  readonly url: string;
  readonly name: string;
  readonly token?: string;
}

interface Props {
  readonly submit: string;
  readonly url?: string;
  readonly name?: string;
  /** Whether it has a token of its own. */
  readonly ownToken?: boolean;
  onSubmit(fields: Fields): Promise<Outcome>;
  onDone(): void;
  onCancel?(): void;
}

type Verdict = { readonly ok: boolean; readonly text: string } | null;

function readVerdict(outcome: Outcome): { ok: boolean; url: string; reason: string } | null {
  if (!outcome.ok || !isObject(outcome.value)) return null;
  const { ok, url, reason } = outcome.value;
  return {
    ok: ok === true,
    url: typeof url === "string" ? url : "",
    reason: typeof reason === "string" ? reason : "",
  };
}

export function ServerForm({
  submit,
  url = "",
  name = "",
  ownToken = false,
  onSubmit,
  onDone,
  onCancel,
}: Props) {
  const { app, t } = useView();
  const address = useSignal(url);
  const alias = useSignal(name);
  const token = useSignal("");
  const forget = useSignal(false);
  const verdict = useSignal<Verdict>(null);
  const error = useSignal("");
  const busy = useSignal(false);
  const trying = useSignal(false);
  /** The address itself is wrong; one that merely does not answer now may be added all the same. */
  const unusable = useSignal(false);
  const hint = useUid();

  useEffect(() => {
    const typed = address.value.trim();
    verdict.value = null;
    unusable.value = false;
    if (!typed || typed === url) return;
    let current = true;
    const timer = setTimeout(async () => {
      const found = readVerdict(await app.client.command("check_url", { url: typed }));
      if (!current || !found) return;
      unusable.value = !found.ok;
      verdict.value = {
        ok: found.ok,
        text: found.ok ? t("urlOk", { url: found.url }) : t.said(found.reason),
      };
    }, CHECK_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [address.value]);

  const onForm = async (event: Event) => {
    event.preventDefault();
    if (!address.value.trim() || busy.value) return;
    busy.value = true;
    const typed = token.value.trim();
    const outcome = await onSubmit({
      url: address.value.trim(),
      name: alias.value.trim(),
      ...((typed || forget.value) && { token: forget.value ? "" : typed }),
    });
    busy.value = false;
    error.value = app.explain(outcome);
    if (!outcome.ok) return;
    address.value = "";
    alias.value = "";
    token.value = "";
    onDone();
  };

  const test = async () => {
    const typed = address.value.trim();
    trying.value = true;
    verdict.value = { ok: true, text: t("testing") };
    const outcome = await app.client.command("test_server", { url: typed, token: token.value.trim() });
    trying.value = false;
    if (address.value.trim() !== typed) return;
    const found = readVerdict(outcome);
    verdict.value = {
      ok: found?.ok ?? false,
      text: found ? (found.ok ? t("testOk") : t.said(found.reason)) : app.explain(outcome),
    };
  };
  const bad = verdict.value?.ok === false;
  return (
    <form class="imc-form" onSubmit={(event) => void onForm(event)}>
      <div class="imc-fields">
        <TextField
          label={t("serverUrl")}
          value={address}
          inputMode="url"
          dir="ltr"
          spellcheck={false}
          aria-describedby={hint}
          aria-invalid={bad}
        />
        <TextField label={t("serverName")} value={alias} dir="auto" />
        <TextField
          label={t("ownToken")}
          value={token}
          secret
          placeholder={t(ownToken ? "ownTokenSet" : "ownTokenNone")}
          disabled={forget.value}
        />
      </div>
      {ownToken && (
        <label class="imc-check">
          <input
            type="checkbox"
            checked={forget.value}
            onChange={(event) => {
              forget.value = event.currentTarget.checked;
            }}
          />
          {t("ownTokenForget")}
        </label>
      )}
      <p id={hint} class={bad ? "imc-error" : "imc-dim"} aria-live="polite">
        {verdict.value?.text ?? t("urlHint")}
      </p>
      {error.value && (
        <p class="imc-error" role="alert">
          {error.value}
        </p>
      )}
      <div class="imc-row">
        <button
          type="submit"
          class="imc-button imc-primary"
          disabled={!address.value.trim() || unusable.value || busy.value}
        >
          {submit}
        </button>
        <button
          type="button"
          class="imc-button"
          disabled={!address.value.trim() || trying.value}
          onClick={() => void test()}
        >
          {t("testConnection")}
        </button>
        {onCancel && (
          <button type="button" class="imc-button" onClick={onCancel}>
            {t("cancel")}
          </button>
        )}
      </div>
    </form>
  );
}
