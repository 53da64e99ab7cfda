/** What follows from a message alone, by the tables generated from the model in Python. */
import type { Translate } from "./i18n";
import { ANSWERED, type Message, OPEN, SENDABLE } from "./model.gen";
import type { Peer } from "./people";

/** Whether an agent waits for an answer to messages of this kind; the others are chat. */
export const isRequest = (message: Message): boolean => message.kind !== "chat";

/** Whether it is not over: it waits, is on its way, or can be tried again. */
export const isOpen = (message: Message): boolean => OPEN[message.kind].has(message.status);

/** Whether an answer to this request, or this chat message once more, can be sent now. */
export const isSendable = (message: Message): boolean => SENDABLE[message.kind].has(message.status);

/** Whether it is a request that has its answer, whoever gave it. */
export const isAnswered = (message: Message): boolean => ANSWERED[message.kind] === message.status;

/** The other person of a chat message. */
export const peerOf = (message: Message): Peer => ({
  server_id: message.server_id,
  nickname: message.mine ? message.receiver : message.sender,
});

/** The accessible name of a message: what a screen reader says and a test looks for. */
export function articleName(t: Translate, message: Message, server: string): string {
  const agent = message.agent_name || t("agent");
  if (message.approval) return t("approvalFrom", { agent, server });
  if (message.kind === "question") return t("questionFrom", { agent, server });
  if (message.kind === "report") return t("reportFrom", { agent, server });
  return t("chatWith", { nickname: peerOf(message).nickname, server });
}
