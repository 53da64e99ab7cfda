import { useView } from "../view";
import { IconButton } from "./Icon";

export function Notices() {
  const { app, t } = useView();
  const phase = app.client.phase.value;
  const started = app.client.log.value.epoch !== null;
  const fresh = app.traits.notices.value.filter((notice) => notice.at > app.dismissed.value);
  const last = fresh.at(-1);
  return (
    <>
      {started && (phase === "gone" || phase === "silent") && (
        <p class="imc-notice imc-notice-warn" role="alert">
          {t("runAgainKept")}
        </p>
      )}
      {phase === "live" && app.client.slow.value > 0 && (
        <p class="imc-notice" role="status">
          {t("kernelBusy")}
        </p>
      )}
      {last && (
        <div class="imc-notice imc-notice-warn">
          <span class="imc-grow">
            {fresh.map((notice) => (
              <span key={`${notice.at} ${notice.text}`} class="imc-notice-line">
                {t.said(notice.text)}
              </span>
            ))}
          </span>
          <IconButton
            icon="close"
            name={t("dismiss")}
            onClick={() => {
              app.dismissed.value = last.at;
            }}
          />
        </div>
      )}
    </>
  );
}
