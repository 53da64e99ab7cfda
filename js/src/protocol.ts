/** What travels between kernel and browser, as the README beside `src` fixes it. Times are kernel milliseconds. */
import type { Kind, Message, Preferences, ServerState, Status } from "./model.gen";

/** A place in the log: compare the first, then the second. */
export type Order = readonly [number, number];
export type Epoch = string | number;

export interface Option {
  readonly label: string;
  readonly description: string;
}

export interface Question {
  readonly question: string;
  readonly header: string;
  readonly multiple: boolean;
  readonly custom: boolean;
  readonly options: readonly Option[];
}

/** What an agent asks to be allowed, in parts; each "" where it did not say. */
export interface Approval {
  readonly tool_name: string;
  /** A JSON object. */
  readonly arguments: string;
  /** Unified. */
  readonly diff: string;
  /** Markdown. */
  readonly action: string;
}

/** What of a reply is not text. Its bytes are fetched by its place in the list. */
export interface Attachment {
  readonly type: string;
  readonly mime_type: string;
  readonly size: number;
  readonly name: string;
}

export interface Reply {
  readonly text: string;
  readonly by: string;
  readonly at: number;
  readonly mine: boolean;
  readonly attachments: readonly Attachment[];
}

export interface UserId {
  readonly server_id: string;
  readonly client_id: string;
}

export interface User extends UserId {
  readonly nickname: string;
  readonly connected_at: number;
}

/** Chat with one person, also with one who has left. */
export interface Conversation {
  readonly server_id: string;
  readonly nickname: string;
  readonly unread: number;
  /** Milliseconds of its newest message. */
  readonly last: number;
}

export interface Server {
  readonly id: string;
  readonly label: string;
  readonly name: string;
  readonly url: string;
  /** Where agents read the token of the inbox's own server; "" for others. */
  readonly token_file: string;
  /** Whether it has a token of its own, which no other server gets. */
  readonly own_token: boolean;
  readonly enabled: boolean;
  readonly state: ServerState;
  readonly error: string;
  /** What the server says about itself, or "". */
  readonly notice: string;
  readonly attempt: number;
  readonly retry_at: number | null;
  readonly connected_at: number | null;
}

export interface Snippet {
  readonly name: string;
  readonly text: string;
}

/** What stays on disk of the messages; zero days or mebibytes: no limit of that sort. */
export interface Retention {
  readonly kept: boolean;
  readonly days: number;
  readonly mebibytes: number;
}

export interface Settings {
  readonly nickname: string;
  readonly has_token: boolean;
  readonly profile: string;
  readonly io: string;
  readonly preferences: Preferences;
  readonly history: Retention;
}

export interface Notice {
  readonly text: string;
  readonly at: number;
}

/** A handler that a code cell registered. */
export interface Rule {
  readonly id: number;
  readonly name: string;
  /** Its conditions, as they are written in code, or "". */
  readonly wanted: string;
  readonly matched: number;
  readonly paused: boolean;
}

export interface Snapshot {
  readonly type: "snapshot";
  readonly client: string;
  readonly epoch: Epoch;
  readonly seq: number;
  readonly now: number;
  readonly messages: readonly Message[];
  readonly more: boolean;
  /** Some of those online, and how many there are. */
  readonly users: readonly User[];
  readonly user_count: number;
  readonly conversations: readonly Conversation[];
}

export interface Patch {
  readonly type: "patch";
  readonly epoch: Epoch;
  readonly seq: number;
  readonly now: number;
  readonly upsert: readonly Message[];
  /** Ids of messages that are in the log no more. */
  readonly remove: readonly string[];
  /** Who of those the browser knows came, changed or left. */
  readonly users: readonly User[];
  readonly users_gone: readonly UserId[];
  /** Absent when nobody came or went. */
  readonly user_count: number | null;
  /** Absent when none of them changed. */
  readonly conversations: readonly Conversation[] | null;
}

export interface Page {
  readonly type: "page";
  readonly client: string;
  readonly ref: string;
  readonly messages: readonly Message[];
  readonly more: boolean;
}

export interface Result {
  readonly type: "result";
  readonly client: string;
  readonly ref: string;
  readonly ok: boolean;
  readonly error: string;
  readonly value: unknown;
}

/** Some bytes of what was fetched; the bytes come beside the frame. */
export interface Piece {
  readonly type: "piece";
  readonly client: string;
  readonly ref: string;
  readonly size: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

export type Frame = Snapshot | Patch | Page | Result | Piece;

export interface PageFilter {
  search?: string;
  kind?: Kind;
  server_id?: string;
  agent?: string;
  /** A directory, with those below it. */
  project?: string;
  status?: Status;
  /** A nickname, with `server_id`: one conversation. */
  peer?: string;
  /** Only requests that are open. */
  pending?: boolean;
}

/** What of the kernel can be fetched: an attachment of a message's reply, its text, the exported log, a part of this bundle. */
export type Source =
  | { readonly message_id: string; readonly attachment: number }
  | { readonly message_id: string; readonly text: true }
  | { readonly export: true }
  | { readonly module: "math" | "zh" };

interface Answer {
  message_id: string;
  text: string;
  /** Ids of files handed over before. */
  uploads?: readonly string[];
  /** Put the person's prefix and suffix around the text. */
  wrap?: boolean;
}

/** The arguments of each command. */
export interface Commands {
  reply: Answer;
  confirm: Answer;
  send:
    | { server_id: string; client_id: string; nickname: string; text: string }
    /** A failed one again. */
    | { message_id: string };
  /** Gives up a request or chat message that failed; it becomes `cancelled` and keeps its text. */
  discard: { message_id: string };
  /** Lets go of an answer that has not left yet; its request waits again. */
  take_back: { message_id: string };
  reconnect: { server_id: string | null };
  add_server: { url: string; name: string; enabled: boolean; token?: string };
  update_server: { server_id: string; url?: string; name?: string; enabled?: boolean; token?: string };
  remove_server: { server_id: string };
  check_url: { url: string };
  /** What an agent's settings need; the token is in it only when that is asked for, and kept nowhere. */
  agent_setup: { client: string; server_id: string; show_token: boolean };
  set_token: { token: string };
  set_nickname: { nickname: string };
  /** With a person: that conversation alone. */
  seen: { upto: Order; server_id?: string; peer?: string };
  set_preferences: Partial<Preferences>;
  clear_history: Record<string, never>;
  set_history: { days: number; mebibytes: number };
  /** With a token of its own, or the one in use there. */
  test_server: { url: string; token?: string };
  start_local: Record<string, never>;
  pause_rule: { rule: number; paused: boolean };
  complete_path: { message_id: string; query: string };
}

/** Negative when `a` comes first, positive when `b` does, 0 for the same place. */
export function compareOrder(a: Order, b: Order): number {
  return a[0] - b[0] || a[1] - b[1];
}
