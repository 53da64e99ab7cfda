import { useRef } from "preact/hooks";
import { hueOf } from "../colour";
import { articleName, isRequest } from "../message";
import type { Message } from "../model.gen";
import { isWaiting } from "../urgency";
import { useFlag, useView } from "../view";
import { AnswerForm } from "./AnswerForm";
import { ApprovalForm } from "./ApprovalForm";
import { ApprovalParts } from "./ApprovalParts";
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
      class={`imc-card imc-kind-${message.kind}${waits ? " imc-open" : ""}`}
      style={{ "--imc-hue": hueOf(message.server_id) }}
      aria-label={articleName(t, message, server)}
      data-id={message.id}
      tabIndex={-1}
    >
      <CardHead message={message} server={server} raw={raw} toggleRaw={toggleRaw} />
      {message.approval && !raw ? (
        <ApprovalParts message={message} settled={!waits} />
      ) : (
        addsText(message) && <Body message={message} raw={raw} />
      )}
      {waits && <Form message={message} article={article} />}
      {isRequest(message) && !waits && <Outcome message={message} />}
      {message.kind === "chat" && <ChatStatus message={message} />}
    </article>
  );
}
