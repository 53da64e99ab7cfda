import { useSignal } from "@preact/signals";
import type { Snippet } from "../protocol";
import { useView } from "../view";
import { IconButton } from "./Icon";

/** The person's own texts, called up by `/name` in an answer. */
export function Snippets() {
  const { app, t } = useView();
  const { snippets } = app.traits.settings.value.preferences;
  /** The one being edited by its name, "" for a new one, null for none. */
  const editing = useSignal<string | null>(null);
  const name = useSignal("");
  const text = useSignal("");
  const error = useSignal("");

  const open = (snippet: Snippet | null) => {
    editing.value = snippet?.name ?? "";
    name.value = snippet?.name ?? "";
    text.value = snippet?.text ?? "";
    error.value = "";
  };
  const store = async (next: readonly Snippet[]) => {
    error.value = app.explain(await app.client.command("set_preferences", { snippets: next }));
    if (!error.value) editing.value = null;
  };
  const save = (event: Event) => {
    event.preventDefault();
    const made = { name: name.value.trim().replace(/^\//, ""), text: text.value };
    const old = editing.value;
    void store(old ? snippets.map((item) => (item.name === old ? made : item)) : [...snippets, made]);
  };
  return (
    <div class="imc-form">
      <p>
        <span class="imc-section">{t("snippets")}</span> <span class="imc-dim">{t("snippetsHint")}</span>
      </p>
      {snippets.length > 0 && (
        // biome-ignore lint/a11y/noRedundantRoles: without a marker some browsers drop the list role
        <ul role="list" class="imc-plain" aria-label={t("snippets")}>
          {snippets.map((item) => (
            <li key={item.name} class="imc-snippet">
              <code>
                /<bdi>{item.name}</bdi>
              </code>
              <span class="imc-dim imc-option-hint imc-grow" dir="auto">
                {item.text}
              </span>
              <IconButton
                icon="edit"
                name={t("editSnippet", { name: item.name })}
                onClick={() => open(item)}
              />
              <IconButton
                icon="trash"
                name={t("deleteSnippet", { name: item.name })}
                onClick={() => void store(snippets.filter((other) => other.name !== item.name))}
              />
            </li>
          ))}
        </ul>
      )}
      {editing.value === null ? (
        <div class="imc-row">
          <button type="button" class="imc-button" onClick={() => open(null)}>
            {t("addSnippet")}
          </button>
        </div>
      ) : (
        <form class="imc-form" onSubmit={save}>
          <input
            class="imc-input"
            type="text"
            dir="auto"
            aria-label={t("snippetName")}
            placeholder={t("snippetName")}
            autocomplete="off"
            value={name.value}
            onInput={(event) => {
              name.value = event.currentTarget.value;
            }}
          />
          <textarea
            class="imc-input imc-text"
            rows={3}
            dir="auto"
            aria-label={t("snippetText")}
            placeholder={t("snippetText")}
            value={text.value}
            onInput={(event) => {
              text.value = event.currentTarget.value;
            }}
          />
          <div class="imc-row">
            <button
              type="submit"
              class="imc-button imc-primary"
              disabled={!name.value.trim() || !text.value.trim()}
            >
              {t("save")}
            </button>
            <button
              type="button"
              class="imc-button"
              onClick={() => {
                editing.value = null;
              }}
            >
              {t("cancel")}
            </button>
          </div>
        </form>
      )}
      {error.value && (
        <p class="imc-error" role="alert">
          {error.value}
        </p>
      )}
    </div>
  );
}
