import type { Message } from "../src/protocol";
import { readMessage } from "../src/validate";

/** A message as the kernel would send it. */
export function raw(n: number, change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    key: `m${n}`,
    order: [n * 1000, 0],
    server_id: "s1",
    server: "Work",
    kind: "question",
    status: "replied",
    error: "",
    text: `text ${n}`,
    agent: "claude-code",
    model: "opus",
    client: "",
    project: "/p",
    created: n * 1000,
    deadline: null,
    sender: "",
    receiver: "",
    sender_id: "",
    receiver_id: "",
    mine: false,
    questions: [],
    reply: null,
    draft: "",
    ...change,
  };
}

export function message(n: number, change: Record<string, unknown> = {}): Message {
  const read = readMessage(raw(n, change));
  if (!read) throw new Error("the helper made an unreadable message");
  return read;
}

export const snapshot = (client: string, seq: number, messages: unknown[], change: object = {}) => ({
  type: "snapshot",
  client,
  epoch: "e1",
  seq,
  now: 1_000,
  messages,
  more: false,
  users: [],
  ...change,
});

export const patch = (seq: number, upsert: unknown[], change: object = {}) => ({
  type: "patch",
  epoch: "e1",
  seq,
  now: 1_000,
  upsert,
  remove: [],
  ...change,
});
