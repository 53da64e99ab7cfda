import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { type Language, type SendKey, UNDO_SECONDS } from "../prefs";
import { useView } from "../view";
import { AgentSetup } from "./AgentSetup";
import { Answering } from "./Answering";
import { Attention } from "./Attention";
import { History } from "./History";
import { Servers } from "./Servers";
import { Snippets } from "./Snippets";
import { TextField } from "./TextField";
import { TokenForm } from "./TokenForm";
import { useCommand } from "./useCommand";

export function Settings() {
  const { app, t } = useView();
  const { prefs } = app;
  return (
    <div class="imc-settings">
      <Part name={t("servers")}>
        <Servers />
        <TokenForm />
        <p class="imc-section">{t("agents")}</p>
        <AgentSetup />
      </Part>
      <Part name={t("aboutYou")}>
        <div class="imc-fields">
          <Nickname />
          <label>
            <span>{t("language")}</span>
            <select
              class="imc-input"
              value={prefs.value.language}
              onChange={(event) => {
                prefs.value = { ...prefs.value, language: event.currentTarget.value as Language };
              }}
            >
              <option value="auto">{t("languageAuto")}</option>
              <option value="en" lang="en">
                English
              </option>
              <option value="zh" lang="zh-CN">
                简体中文
              </option>
            </select>
          </label>
        </div>
      </Part>
      <Part name={t("answering")}>
        <div class="imc-fields">
          <label>
            <span>{t("sendWith")}</span>
            <select
              class="imc-input"
              value={prefs.value.sendKey}
              onChange={(event) => {
                prefs.value = { ...prefs.value, sendKey: event.currentTarget.value as SendKey };
              }}
            >
              <option value="mod-enter">{t("modEnter")}</option>
              <option value="enter">{t("enter")}</option>
            </select>
          </label>
          <label>
            <span>{t("undoSend")}</span>
            <select
              class="imc-input"
              value={prefs.value.undoSeconds}
              onChange={(event) => {
                prefs.value = { ...prefs.value, undoSeconds: Number(event.currentTarget.value) };
              }}
            >
              {UNDO_SECONDS.map((seconds) => (
                <option key={seconds} value={seconds}>
                  {seconds ? t("undoFor", { n: seconds }) : t("undoNever")}
                </option>
              ))}
            </select>
          </label>
        </div>
        <Answering />
        <Snippets />
      </Part>
      <Attention />
      <History />
    </div>
  );
}

/** Settings that belong together, under their name. */
function Part({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <section class="imc-settings" aria-label={name}>
      <h3 class="imc-part-head">{name}</h3>
      {children}
    </section>
  );
}

/** Saved when it is left, as every other field. */
function Nickname() {
  const { app, t } = useView();
  const known = app.traits.settings.value.nickname;
  const typed = useSignal(known);
  const { error, run } = useCommand();
  useEffect(() => {
    typed.value = known;
  }, [known, typed]);
  const save = () => {
    const nickname = typed.value.trim();
    if (nickname && nickname !== known) void run("set_nickname", { nickname });
  };
  return (
    <TextField label={t("nickname")} value={typed} dir="auto" onChange={save}>
      {error.value && (
        <span class="imc-error" role="alert">
          {error.value}
        </span>
      )}
    </TextField>
  );
}
