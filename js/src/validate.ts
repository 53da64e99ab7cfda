/**
 * Runtime checks of everything the kernel says. What decides where a message goes and how it may be answered must be
 * right, or the message is refused; what is only shown falls back to something empty.
 */
import {
  type Conversation,
  type Epoch,
  type Frame,
  KINDS,
  type Message,
  type Notice,
  type Option,
  type Order,
  type Part,
  type Preferences,
  type Question,
  type Reply,
  type Retention,
  SERVER_STATES,
  type Server,
  type Settings,
  STATUSES,
  type User,
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
const oneOf = <T extends string>(value: unknown, known: readonly T[]): T | null =>
  known.find((item) => item === value) ?? null;

function present<T>(values: readonly (T | null)[]): T[] {
  return values.filter((value) => value !== null);
}

function readOrder(value: unknown): Order | null {
  if (!Array.isArray(value) || value.length !== 2) return null;
  const [ms, n] = value;
  return isNumber(ms) && isNumber(n) ? [ms, n] : null;
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

function readPart(value: unknown): Part | null {
  if (!isObject(value)) return null;
  return {
    type: text(value.type),
    mime_type: text(value.mime_type),
    size: number(value.size),
    name: text(value.name),
  };
}

function readReply(value: unknown): Reply | null {
  if (!isObject(value)) return null;
  return {
    text: text(value.text),
    by: text(value.by),
    at: number(value.at),
    mine: value.mine === true,
    parts: present(list(value.parts).map(readPart)),
  };
}

export function readMessage(value: unknown): Message | null {
  if (!isObject(value)) return null;
  const order = readOrder(value.order);
  const kind = oneOf(value.kind, KINDS);
  const status = oneOf(value.status, STATUSES);
  const key = text(value.key);
  const serverId = text(value.server_id);
  if (!key || !serverId || !order || !kind || !status) return null;
  return {
    key,
    order,
    server_id: serverId,
    server: text(value.server),
    kind,
    status,
    error: text(value.error),
    text: text(value.text),
    agent: text(value.agent),
    model: text(value.model),
    client: text(value.client),
    project: text(value.project),
    created: isNumber(value.created) ? value.created : order[0],
    deadline: time(value.deadline),
    sender: text(value.sender),
    receiver: text(value.receiver),
    sender_id: text(value.sender_id),
    receiver_id: text(value.receiver_id),
    mine: value.mine === true,
    questions: present(list(value.questions).map(readQuestion)),
    reply: readReply(value.reply),
    draft: text(value.draft),
  };
}

export function readUser(value: unknown): User | null {
  if (!isObject(value) || !text(value.server_id) || !text(value.client_id)) return null;
  return {
    server_id: text(value.server_id),
    client_id: text(value.client_id),
    nickname: text(value.nickname),
    connected_at: number(value.connected_at),
  };
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
        enabled: item.enabled !== false,
        state: oneOf(item.state, SERVER_STATES) ?? "disconnected",
        error: text(item.error),
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
  return {
    prefix: text(fields.prefix),
    suffix: text(fields.suffix),
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

export const readCount = (value: unknown): number => Math.max(0, Math.trunc(number(value)));

const readEpoch = (value: unknown): Epoch | null =>
  typeof value === "string" || isNumber(value) ? value : null;

/** All of a list, or null when any entry is unreadable: a patch half applied is a wrong list. */
function whole<T>(value: unknown, read: (item: unknown) => T | null): T[] | null {
  if (!Array.isArray(value)) return null;
  const items = present(value.map(read));
  return items.length === value.length ? items : null;
}

const readKey = (value: unknown): string | null => text(value) || null;
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
        conversations: present(list(value.conversations).map(readConversation)),
      };
    case "patch": {
      if (epoch === null || !isNumber(value.seq)) return null;
      const upsert = absent(value.upsert) ? [] : whole(value.upsert, readMessage);
      const remove = absent(value.remove) ? [] : whole(value.remove, readKey);
      const users = absent(value.users) ? [] : whole(value.users, readUser);
      const conversations = absent(value.conversations) ? [] : whole(value.conversations, readConversation);
      if (!upsert || !remove || !users || !conversations) return null;
      return {
        type: "patch",
        epoch,
        seq: value.seq,
        now: number(value.now),
        upsert,
        remove,
        users: absent(value.users) ? null : users,
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
