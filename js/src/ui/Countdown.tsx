import { formatCountdown, URGENT_MS } from "../time";
import { useView } from "../view";
import { Icon } from "./Icon";

/** The only part of a card that is drawn again every second. */
export function Deadline({ at }: { at: number }) {
  const { app, t } = useView();
  if (app.dead.value) return null;
  const left = at - app.clock.now.value;
  return (
    <span
      class={`imc-deadline${left <= URGENT_MS ? " imc-urgent" : ""}`}
      role="timer"
      aria-live="off"
      title={t("timeLeft")}
    >
      <Icon name="clock" /> {formatCountdown(left)}
    </span>
  );
}

/** How long the most urgent of all that wait still waits. */
export function NextDeadline() {
  const { app, t } = useView();
  const at = app.waiting.value[0]?.deadline ?? null;
  if (at === null || app.dead.value) return null;
  const left = at - app.clock.now.value;
  return (
    <span class={left <= URGENT_MS ? "imc-urgent" : ""}>
      {" · "}
      <span class="imc-next-word">{t("nextIn")} </span>
      {formatCountdown(left)}
    </span>
  );
}

export function NextTry({ at }: { at: number }) {
  const { app, t } = useView();
  if (app.dead.value) return null;
  const left = at - app.clock.now.value;
  return <span>{left > 0 ? t("nextTry", { time: formatCountdown(left) }) : t("tryingNow")}</span>;
}
