/**
 * Runtime checks of everything the kernel says. What decides where a message goes and how it may be answered must be
 * right, or the message is refused; what is only shown falls back to something empty.
 */
import {
  AGENT_STATES,
  type AgentState,
  KINDS,
  type Kind,
  MESSAGE_FIELDS,
  type Message,
  type Preferences,
  SERVER_STATES,
  STATUSES,
  type Status,
  TEXT_PREFERENCES,
} from "./model.gen";
import type {
  Approval,
  Attachment,
  Conversation,
  Epoch,
  Frame,
  Notice,
  Option,
  Order,
  Question,
  Reply,
  Retention,
  Rule,
  Server,
  Settings,
  User,
  UserId,
} from "./protocol";

type Fields = Record<string, unknown>;

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number => (isNumber(value) ? value : 0);
const time = (value: unknown): number | null => (isNumber(value) ? value : null);
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const oneOf = <T extends string>(value: unknown, known: readonly T[]): T | undefined =>
  known.find((item) => item === value);

function present<T>(values: readonly (T | null)[]): T[] {
  return values.filter((value) => value !== null);
}

function readOrder(value: unknown): Order | undefined {
  if (!Array.isArray(value) || value.length !== 2) return undefined;
  const [ms, n] = value;
  return isNumber(ms) && isNumber(n) ? [ms, n] : undefined;
}

function readOption(value: unknown): Option | null {
  if (!isObject(value) || !text(value.label)) return null;
  return { label: text(value.label), description: text(value.description) };
}

function readQuestion(value: unknown): Question | null {
  if (!isObject(value)) return null;
  return {
    question: text(value.question),
    header: text(value.header),
    multiple: value.multiple === true,
    custom: value.custom === true,
    options: present(list(value.options).map(readOption)),
  };
}

function readApproval(value: unknown): Approval | null {
  if (!isObject(value)) return null;
  return {
    tool_name: text(value.tool_name),
    arguments: text(value.arguments),
    diff: text(value.diff),
    action: text(value.action),
  };
}

/** One that is unreadable keeps its place in the list, by which the others are fetched. */
function readAttachment(value: unknown): Attachment {
  const fields = isObject(value) ? value : {};
  return {
    type: text(fields.type) || "unknown",
    mime_type: text(fields.mime_type),
    size: number(fields.size),
    name: text(fields.name),
  };
}

function readReply(value: unknown): Reply | null {
  if (!isObject(value)) return null;
  return {
    text: text(value.text),
    by: text(value.by),
    at: number(value.at),
    mine: value.mine === true,
    attachments: list(value.attachments).map(readAttachment),
  };
}

/** What a field of a message can be, by the name of its type in `MESSAGE_FIELDS`. */
interface FieldTypes {
  Order: Order;
  Kind: Kind;
  Status: Status;
  AgentState: AgentState;
  string: string;
  number: number;
  boolean: boolean;
  "number | null": number | null;
  "readonly Question[]": readonly Question[];
  "Approval | null": Approval | null;
  "Reply | null": Reply | null;
}

/** How each is read; undefined: the message is refused. */
const READ: { readonly [T in keyof FieldTypes]: (value: unknown) => FieldTypes[T] | undefined } = {
  Order: readOrder,
  Kind: (value) => oneOf(value, KINDS),
  Status: (value) => oneOf(value, STATUSES),
  AgentState: (value) => oneOf(value, AGENT_STATES) ?? "",
  string: text,
  number,
  boolean: (value) => value === true,
  "number | null": time,
  "readonly Question[]": (value) => present(list(value).map(readQuestion)),
  "Approval | null": readApproval,
  "Reply | null": readReply,
};

type Read<F extends Record<string, keyof FieldTypes>> = { readonly [K in keyof F]: FieldTypes[F[K]] };

function readFields<F extends Record<string, keyof FieldTypes>>(fields: F, value: Fields): Read<F> | null {
  const read: Fields = {};
  for (const [name, type] of Object.entries(fields)) {
    const field = READ[type](value[name]);
    if (field === undefined) return null;
    read[name] = field;
  }
  return read as Read<F>;
}

/** The message, or null where its id, server, place, kind or status is wrong. */
export function readMessage(value: unknown): Message | null {
  const message = isObject(value) ? readFields(MESSAGE_FIELDS, value) : null;
  if (!message?.id || !message.server_id) return null;
  return message.created_at ? message : { ...message, created_at: message.order[0] };
}

function readUserId(value: unknown): UserId | null {
  if (!isObject(value) || !text(value.server_id) || !text(value.client_id)) return null;
  return { server_id: text(value.server_id), client_id: text(value.client_id) };
}

export function readUser(value: unknown): User | null {
  const id = readUserId(value);
  if (!id || !isObject(value)) return null;
  return { ...id, nickname: text(value.nickname), connected_at: number(value.connected_at) };
}

export function readConversation(value: unknown): Conversation | null {
  if (!isObject(value) || !text(value.server_id) || !text(value.nickname)) return null;
  return {
    server_id: text(value.server_id),
    nickname: text(value.nickname),
    unread: readCount(value.unread),
    last: number(value.last),
  };
}

export function readServers(value: unknown): Server[] {
  return present(
    list(value).map((item) => {
      if (!isObject(item) || !text(item.id)) return null;
      return {
        id: text(item.id),
        label: text(item.label) || text(item.name) || text(item.url),
        name: text(item.name),
        url: text(item.url),
        token_file: text(item.token_file),
        own_token: item.own_token === true,
        enabled: item.enabled !== false,
        state: oneOf(item.state, SERVER_STATES) ?? "disconnected",
        error: text(item.error),
        notice: text(item.notice),
        attempt: number(item.attempt),
        retry_at: time(item.retry_at),
        connected_at: time(item.connected_at),
      };
    }),
  );
}

export function readSettings(value: unknown): Settings {
  const fields = isObject(value) ? value : {};
  return {
    nickname: text(fields.nickname),
    // Only a clear "no" asks for a token: a kernel that has not spoken yet must not raise the question.
    has_token: fields.has_token !== false,
    profile: text(fields.profile),
    io: text(fields.io),
    preferences: readPreferences(fields.preferences),
    history: readRetention(fields.history),
  };
}

function readRetention(value: unknown): Retention {
  const fields = isObject(value) ? value : {};
  return {
    kept: fields.kept === true,
    days: Math.max(0, number(fields.days)),
    mebibytes: Math.max(0, number(fields.mebibytes)),
  };
}

function readPreferences(value: unknown): Preferences {
  const fields = isObject(value) ? value : {};
  const snippets = list(fields.snippets).map((item) =>
    isObject(item) && text(item.name) ? { name: text(item.name), text: text(item.text) } : null,
  );
  const texts = Object.fromEntries(TEXT_PREFERENCES.map((name) => [name, text(fields[name])]));
  return {
    ...(texts as Record<(typeof TEXT_PREFERENCES)[number], string>),
    quick: list(fields.quick).map(text).filter(Boolean),
    snippets: present(snippets),
  };
}

export function readNotices(value: unknown): Notice[] {
  return present(
    list(value).map((item) =>
      isObject(item) && text(item.text) ? { text: text(item.text), at: number(item.at) } : null,
    ),
  );
}

export function readRules(value: unknown): Rule[] {
  return present(
    list(value).map((item) => {
      if (!isObject(item) || !isNumber(item.id)) return null;
      return {
        id: item.id,
        name: text(item.name),
        wanted: text(item.wanted),
        matched: readCount(item.matched),
        paused: item.paused === true,
      };
    }),
  );
}

export const readCount = (value: unknown): number => Math.max(0, Math.trunc(number(value)));

const readEpoch = (value: unknown): Epoch | null =>
  typeof value === "string" || isNumber(value) ? value : null;

/** All of a list, or null when any entry is unreadable: a patch half applied is a wrong list. */
function whole<T>(value: unknown, read: (item: unknown) => T | null): T[] | null {
  if (!Array.isArray(value)) return null;
  const items = present(value.map(read));
  return items.length === value.length ? items : null;
}

const readId = (value: unknown): string | null => text(value) || null;
const absent = (value: unknown): boolean => value === undefined || value === null;

/** The frame, or null for what cannot be read. A type this version does not know is null as well. */
export function readFrame(value: unknown, buffers: readonly unknown[] = []): Frame | null {
  if (!isObject(value)) return null;
  const epoch = readEpoch(value.epoch);
  const client = text(value.client);
  const ref = text(value.ref);
  switch (value.type) {
    case "snapshot":
      if (epoch === null || !isNumber(value.seq) || !Array.isArray(value.messages)) return null;
      return {
        type: "snapshot",
        client,
        epoch,
        seq: value.seq,
        now: number(value.now),
        // The snapshot is the last resort: one entry that cannot be read must not hide all the others.
        messages: present(value.messages.map(readMessage)),
        more: value.more === true,
        users: present(list(value.users).map(readUser)),
        user_count: readCount(value.user_count),
        conversations: present(list(value.conversations).map(readConversation)),
      };
    case "patch": {
      if (epoch === null || !isNumber(value.seq)) return null;
      const upsert = absent(value.upsert) ? [] : whole(value.upsert, readMessage);
      const remove = absent(value.remove) ? [] : whole(value.remove, readId);
      const users = absent(value.users) ? [] : whole(value.users, readUser);
      const usersGone = absent(value.users_gone) ? [] : whole(value.users_gone, readUserId);
      const conversations = absent(value.conversations) ? [] : whole(value.conversations, readConversation);
      if (!upsert || !remove || !users || !usersGone || !conversations) return null;
      return {
        type: "patch",
        epoch,
        seq: value.seq,
        now: number(value.now),
        upsert,
        remove,
        users,
        users_gone: usersGone,
        user_count: absent(value.user_count) ? null : readCount(value.user_count),
        conversations: absent(value.conversations) ? null : conversations,
      };
    }
    case "page":
      if (!ref || !Array.isArray(value.messages)) return null;
      return {
        type: "page",
        client,
        ref,
        messages: present(value.messages.map(readMessage)),
        more: value.more === true,
      };
    case "result":
      if (!ref || typeof value.ok !== "boolean") return null;
      return { type: "result", client, ref, ok: value.ok, error: text(value.error), value: value.value };
    case "piece": {
      const data = readBytes(buffers[0]);
      if (!ref || !isNumber(value.size) || !data) return null;
      return { type: "piece", client, ref, size: value.size, data };
    }
    default:
      return null;
  }
}

/** Hosts hand binary data over as views of one kind or another. */
function readBytes(value: unknown): Uint8Array<ArrayBuffer> | null {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (!ArrayBuffer.isView(value)) return null;
  return new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength);
}
