import { composeAnswer } from "../answer";
import type { Message } from "../protocol";
import { reveal } from "../reveal";
import { formatFull, formatTime } from "../time";
import { useView } from "../view";
import { PartView } from "./PartView";

/** How a question or report ended, and what the person had typed if it did not go out. */
export function Outcome({ message }: { message: Message }) {
  const { app, t } = useView();
  const { draft, error } = app.drafts.of(message.key);
  const { reply } = message;
  const unsent = composeAnswer(message.questions, draft.value);
  const delivered = message.status === "replied" || message.status === "confirmed";
  // A try that failed before the one that went through is no news any more.
  const why = delivered ? "" : message.error || error.value;
  return (
    <>
      {reply && (
        <div class="imc-reply">
          <span class="imc-reply-who">
            <bdi>{reply.mine ? t("you") : reply.by || t("someone")}</bdi>
            {reply.at > 0 && (
              <time
                class="imc-dim"
                dateTime={new Date(app.clock.toLocal(reply.at)).toISOString()}
                title={formatFull(app.clock.toLocal(reply.at), t.locale)}
              >
                {formatTime(app.clock.toLocal(reply.at), t.locale)}
              </time>
            )}
          </span>
          {reply.text && (
            <span class="imc-reply-text" dir="auto">
              {reveal(reply.text)}
            </span>
          )}
          {reply.parts.length > 0 && (
            <span class="imc-parts">
              {reply.parts.map((part, index) => (
                <PartView
                  key={`${index} ${part.name} ${part.size}`}
                  message={message}
                  part={part}
                  index={index}
                />
              ))}
            </span>
          )}
        </div>
      )}
      {why && <p class="imc-error">{why}</p>}
      {unsent && (
        <div class="imc-unsent">
          <span class="imc-dim">{t(reply && !reply.mine ? "unsentOther" : "unsent")}</span>
          <span class="imc-reply-text" dir="auto">
            {unsent}
          </span>
          <span class="imc-row">
            <button
              type="button"
              class="imc-button"
              onClick={(event) => void app.copy(unsent, event.currentTarget)}
            >
              {t("copy")}
            </button>
            <button type="button" class="imc-button" onClick={() => app.drafts.clear(message.key)}>
              {t("discard")}
            </button>
          </span>
        </div>
      )}
    </>
  );
}
