import { useComputed } from "@preact/signals";
import { answersIn } from "../answer";
import { answerOf, decisionIn } from "../approval";
import type { Translate } from "../i18n";
import { escapeInvisible } from "../invisible";
import { isAnswered } from "../message";
import type { Message } from "../model.gen";
import type { Reply } from "../protocol";
import { formatFull, formatTime } from "../time";
import { useView } from "../view";
import { AttachmentView } from "./AttachmentView";
import { useCopied } from "./useCopied";

/** How a question or report ended, and what the person had typed if it did not go out. */
export function Outcome({ message }: { message: Message }) {
  const { app, t } = useView();
  const { id, reply } = message;
  const typed = useComputed(() => answerOf(message, app.drafts.draft(id))).value;
  const { error } = useComputed(() => app.drafts.state(id)).value;
  const copied = useCopied();
  const answered = isAnswered(message);
  // A try that failed before the one that went through is no news any more; how another's answer won, is.
  const why = answered ? (reply?.mine ? "" : t.said(message.error)) : t.said(message.error) || error;
  const unsent = typed || (answered && reply?.mine ? "" : message.draft);
  return (
    <>
      {reply && <ReplyView message={message} reply={reply} />}
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
              onClick={(event) => void copied.copy(unsent, event.currentTarget)}
            >
              {t(copied.word.value || "copy")}
            </button>
            {typed && (
              <button type="button" class="imc-button" onClick={() => app.drafts.clear(id)}>
                {t("deleteText")}
              </button>
            )}
          </span>
        </div>
      )}
    </>
  );
}

/** The answer to an approval, as short as it is. */
function decided(t: Translate, text: string): string {
  const found = decisionIn(text);
  if (!found) return text;
  const { decision, words } = found;
  if (!words) return t(decision === "Allow" ? "allowed" : "denied");
  return t(decision === "Allow" ? "allowedWith" : "deniedWith", { words });
}

function ReplyView({ message, reply }: { message: Message; reply: Reply }) {
  const { app, t } = useView();
  // Beside each question stands its answer already.
  const shown = !message.approval && message.options.length > 0 && answersIn(message.options, reply.text);
  return (
    <div class="imc-reply">
      <span class="imc-reply-who">
        <bdi>
          {reply.mine
            ? message.rule
              ? t("byRule", { rule: escapeInvisible(message.rule) })
              : t("you")
            : reply.by || t("someone")}
        </bdi>
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
      {reply.text && !shown && (
        <span class="imc-reply-text" dir="auto">
          {escapeInvisible(message.approval ? decided(t, reply.text) : reply.text)}
        </span>
      )}
      {reply.attachments.length > 0 && (
        <span class="imc-parts">
          {reply.attachments.map((attachment, index) => (
            <AttachmentView
              key={`${index} ${attachment.name} ${attachment.size}`}
              message={message}
              attachment={attachment}
              index={index}
            />
          ))}
        </span>
      )}
    </div>
  );
}
