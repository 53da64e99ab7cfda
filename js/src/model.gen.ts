// Generated from the model in Python by `python js/generate.py`; change it there.

import type { Approval, Order, Question, Reply, Snippet } from "./protocol";

export const KINDS = ["question", "report", "chat"] as const;
export type Kind = (typeof KINDS)[number];

export const STATUSES = ["pending", "sending", "replied", "confirmed", "expired", "cancelled", "sent", "received", "failed"] as const;
export type Status = (typeof STATUSES)[number];

export const AGENT_STATES = ["", "away", "kept", "fetched"] as const;
export type AgentState = (typeof AGENT_STATES)[number];

export const SERVER_STATES = ["connecting", "connected", "error", "disconnected"] as const;
export type ServerState = (typeof SERVER_STATES)[number];

export interface Message {
  readonly order: Order;
  readonly length: number;
  readonly id: string;
  readonly kind: Kind;
  readonly server_id: string;
  readonly server_name: string;
  readonly text: string;
  readonly created_at: number;
  readonly status: Status;
  readonly project_directory: string;
  readonly agent_name: string;
  readonly model_name: string;
  readonly client_name: string;
  readonly sender: string;
  readonly receiver: string;
  readonly sender_id: string;
  readonly receiver_id: string;
  readonly mine: boolean;
  readonly deadline: number | null;
  readonly options: readonly Question[];
  readonly approval: Approval | null;
  readonly reply: Reply | null;
  readonly error: string;
  readonly rule: string;
  readonly draft: string;
  readonly agent_state: AgentState;
  readonly discarded: boolean;
}

/** Every field of a message and its type. */
export const MESSAGE_FIELDS = {
  order: "Order",
  length: "number",
  id: "string",
  kind: "Kind",
  server_id: "string",
  server_name: "string",
  text: "string",
  created_at: "number",
  status: "Status",
  project_directory: "string",
  agent_name: "string",
  model_name: "string",
  client_name: "string",
  sender: "string",
  receiver: "string",
  sender_id: "string",
  receiver_id: "string",
  mine: "boolean",
  deadline: "number | null",
  options: "readonly Question[]",
  approval: "Approval | null",
  reply: "Reply | null",
  error: "string",
  rule: "string",
  draft: "string",
  agent_state: "AgentState",
  discarded: "boolean",
} as const;

/** Which status may follow which. */
export const TRANSITIONS: Readonly<Record<Kind, Readonly<Partial<Record<Status, readonly Status[]>>>>> = {
  question: {
    pending: ["sending", "replied", "expired", "cancelled"],
    sending: ["pending", "replied", "expired", "cancelled", "failed"],
    replied: ["pending"],
    expired: ["pending"],
    cancelled: ["pending"],
    failed: ["sending", "replied", "expired", "cancelled"],
  },
  report: {
    pending: ["sending", "confirmed", "expired", "cancelled"],
    sending: ["pending", "confirmed", "expired", "cancelled", "failed"],
    confirmed: ["pending"],
    expired: ["pending"],
    cancelled: ["pending"],
    failed: ["sending", "confirmed", "expired", "cancelled"],
  },
  chat: {
    sending: ["sent", "failed"],
    cancelled: [],
    sent: [],
    received: [],
    failed: ["sending", "cancelled"],
  },
};

/** Statuses of what is not over. */
export const OPEN: Readonly<Record<Kind, ReadonlySet<Status>>> = {
  question: new Set(["pending", "sending", "failed"]),
  report: new Set(["pending", "sending", "failed"]),
  chat: new Set(["sending", "failed"]),
};

/** Statuses in which an answer, or a chat message again, can be sent. */
export const SENDABLE: Readonly<Record<Kind, ReadonlySet<Status>>> = {
  question: new Set(["pending", "failed"]),
  report: new Set(["pending", "failed"]),
  chat: new Set(["failed"]),
};

/** What a request is once it has its answer; chat has none. */
export const ANSWERED: Readonly<Partial<Record<Kind, Status>>> = {
  question: "replied",
  report: "confirmed",
};

/** How the person likes to answer; kept with the profile. */
export interface Preferences {
  readonly prefix: string;
  readonly suffix: string;
  readonly confirmation: string;
  readonly quick: readonly string[];
  readonly snippets: readonly Snippet[];
}

export const TEXT_PREFERENCES = ["prefix", "suffix", "confirmation"] as const;
