import { useRef } from "preact/hooks";
import { articleName, isRequest } from "../message";
import type { Message } from "../model.gen";
import { isWaiting } from "../urgency";
import { useFlag, useView } from "../view";
import { AnswerForm } from "./AnswerForm";
import { ApprovalForm } from "./ApprovalForm";
import { ApprovalParts } from "./ApprovalParts";
import { Asked } from "./Asked";
import { Body } from "./Body";
import { CardHead } from "./CardHead";
import { ChatStatus } from "./ChatStatus";
import { Outcome } from "./Outcome";
import { useGoal } from "./useGoal";

const plain = (text: string): string => text.replace(/[#*_`\s]+/g, " ").trim();

/** Agents that ask with a structure often repeat the first question as the text. */
const addsText = (message: Message): boolean =>
  Boolean(message.text) &&
  !message.options.some((question) => plain(question.question) === plain(message.text));

export function Card({ message }: { message: Message }) {
  const { app, t } = useView();
  const article = useRef<HTMLElement>(null);
  const [raw, toggleRaw] = useFlag("raw", message.id);
  const server = app.serverLabel(message.server_id, message.server_name);
  const waits = isWaiting(message);
  useGoal(article, message.id);
  const Form = message.approval ? ApprovalForm : AnswerForm;
  return (
    <article
      ref={article}
      class={`imc-card imc-kind-${message.kind}${waits ? " imc-open" : ""}${message.mine ? " imc-mine" : ""}`}
      style={{ "--imc-hue": app.colours.of(message.server_id) }}
      aria-label={articleName(t, message, server)}
      data-id={message.id}
      tabIndex={-1}
    >
      <CardHead message={message} server={server} raw={raw} toggleRaw={toggleRaw} />
      {message.approval && !raw ? (
        <ApprovalParts message={message} settled={!waits} />
      ) : (
        (raw || addsText(message)) && <Body message={message} raw={raw} />
      )}
      {isRequest(message) && !waits && !message.approval && message.options.length > 0 && (
        <Asked message={message} />
      )}
      {waits && <Form message={message} article={article} />}
      {isRequest(message) && !waits && <Outcome message={message} />}
      {message.kind === "chat" && <ChatStatus message={message} />}
    </article>
  );
}
