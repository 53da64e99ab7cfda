import { useRef } from "preact/hooks";
import { articleName } from "../app";
import { hueOf } from "../colour";
import type { Message } from "../protocol";
import { isOpen } from "../store";
import { useView } from "../view";
import { AnswerForm } from "./AnswerForm";
import { Body } from "./Body";
import { CardHead } from "./CardHead";
import { ChatFate } from "./ChatFate";
import { Outcome } from "./Outcome";

const plain = (text: string): string => text.replace(/[#*_`\s]+/g, " ").trim();

/** Agents that ask with a structure often repeat the first question as the text. */
const addsText = (message: Message): boolean =>
  Boolean(message.text) &&
  !message.questions.some((question) => plain(question.question) === plain(message.text));

export function Card({ message }: { message: Message }) {
  const { view, app, t } = useView();
  const article = useRef<HTMLElement>(null);
  const raw = view.flag("raw", message.key);
  const server = app.serverLabel(message.server_id, message.server);
  const asks = message.kind !== "chat";
  return (
    <article
      ref={article}
      class={`imc-card imc-kind-${message.kind}${asks && isOpen(message) ? " imc-open" : ""}`}
      style={{ "--imc-hue": hueOf(message.server_id) }}
      aria-label={articleName(t, message, server)}
      tabIndex={-1}
    >
      <CardHead message={message} server={server} raw={raw} />
      {addsText(message) && <Body message={message} raw={raw.value} />}
      {asks ? (
        <>
          {isOpen(message) && <AnswerForm message={message} article={article} />}
          {!isOpen(message) && <Outcome message={message} />}
        </>
      ) : (
        <ChatFate message={message} />
      )}
    </article>
  );
}
