import type { Message } from "../model.gen";
import { useView } from "../view";
import { useCommand } from "./useCommand";

const MINUTE_MS = 60_000;
const TIMES = [
  { ms: 10 * MINUTE_MS, name: "snoozeMinutes" },
  { ms: 60 * MINUTE_MS, name: "snoozeHour" },
] as const;

/** Puts a request off, or away as somebody else's business. */
export function Later({ message }: { message: Message }) {
  const { view, app, t } = useView();
  const { busy, error, run } = useCommand();
  const asleep = app.snoozes.sleeps(message.id);
  if (!view.queue.waits(message)) return null;
  return (
    <div class="imc-row imc-later">
      {asleep && (
        <button type="button" class="imc-link" onClick={() => app.snoozes.wake(message.id)}>
          {t("wake")}
        </button>
      )}
      {!asleep &&
        app.snoozes.allows(message) &&
        TIMES.map(({ ms, name }) => (
          <button
            key={name}
            type="button"
            class="imc-link"
            onClick={() => {
              view.queue.leave(message.id);
              app.snoozes.snooze(message, ms);
            }}
          >
            {t(name)}
          </button>
        ))}
      {message.status === "pending" && (
        <button
          type="button"
          class="imc-link"
          disabled={busy.value}
          title={t("notMineHint")}
          onClick={() => {
            view.queue.leave(message.id);
            void run("discard", { message_id: message.id });
          }}
        >
          {t("notMine")}
        </button>
      )}
      {error.value && (
        <span class="imc-error" role="alert">
          {error.value}
        </span>
      )}
    </div>
  );
}
