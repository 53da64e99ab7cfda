import { MESSAGE_FIELDS, type Message } from "../src/model.gen";
import { readMessage } from "../src/validate";

type FieldType = (typeof MESSAGE_FIELDS)[keyof typeof MESSAGE_FIELDS];

/** What a field of each type holds in a message that says nothing in it. */
const EMPTY: Readonly<Record<FieldType, unknown>> = {
  Order: [0, 0],
  Kind: "question",
  Status: "replied",
  AgentState: "",
  string: "",
  number: 0,
  boolean: false,
  "number | null": null,
  "readonly Question[]": [],
  "Approval | null": null,
  "Reply | null": null,
};

/** A message as the kernel would send it. */
export function raw(n: number, change: Record<string, unknown> = {}): Record<string, unknown> {
  const empty = Object.entries(MESSAGE_FIELDS).map(([name, type]) => [name, EMPTY[type]]);
  return {
    ...Object.fromEntries(empty),
    id: `m${n}`,
    order: [n * 1000, 0],
    server_id: "s1",
    server_name: "Work",
    text: `text ${n}`,
    agent_name: "claude-code",
    model_name: "opus",
    project_directory: "/p",
    created_at: n * 1000,
    ...change,
  };
}

/** One that waits for an answer. */
export const pending = (n: number, change: Record<string, unknown> = {}) =>
  raw(n, { status: "pending", ...change });

/** An answer as the kernel would send it. */
export const reply = (text: string, change: object = {}) => ({
  text,
  by: "me",
  at: 5,
  mine: true,
  attachments: [],
  ...change,
});

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
