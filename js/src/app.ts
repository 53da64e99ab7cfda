/** Everything the views of one model share. Made once per model; a view only reads it and calls it. */
import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { ChatDrafts } from "./chat-drafts";
import { Client, type Outcome } from "./client";
import { copyText } from "./clipboard";
import { Colours } from "./colour";
import { Drafts } from "./drafts";
import { followTraits, type Model, onKernelEnd, type Traits } from "./host";
import { makeChinese, makeTranslate, pickLocale, type Translate, type Vocabulary } from "./i18n";
import { makeMarkdown, makeMathPurifier, type RenderMarkdown } from "./markdown";
import { Formulas } from "./math";
import { articleName, isOpen, isSendable } from "./message";
import type { Message } from "./model.gen";
import { makeNotificationPort, Notifier } from "./notify";
import { distinctPeers, type Peer, peerKey } from "./people";
import { makePrefs, type Prefs } from "./prefs";
import { type Commands, type Conversation, compareOrder, type Order, type User } from "./protocol";
import { Snoozes } from "./snoozes";
import { find, indexOf, refilter } from "./sorted";
import { makeSafeStorage } from "./storage";
import { Clock } from "./time";
import { Uploads } from "./uploads";
import { byUrgency, firstLine, isWaiting } from "./urgency";
import { WholeTexts } from "./whole";

/** How long an announcement stays beside the next ones, and how many lines of it do. */
const ANNOUNCED_MS = 3_000;
const ANNOUNCED_MAX = 5;
/** How often the kernel is told what has been in view, at most. */
const SEEN_MS = 500;

export interface App {
  readonly client: Client;
  readonly traits: Traits;
  readonly drafts: Drafts;
  readonly chatDrafts: ChatDrafts;
  readonly uploads: Uploads;
  readonly texts: WholeTexts;
  /** Each person online that the browser knows of, by server and name. */
  readonly people: ReadonlySignal<readonly Peer[]>;
  /** What the person wants to see later. */
  readonly snoozes: Snoozes;
  /** Requests that are not over, most urgent first. */
  readonly waiting: ReadonlySignal<readonly Message[]>;
  readonly prefs: Signal<Prefs>;
  readonly colours: Colours;
  /** Whether the kernel is gone, or silent for long: nothing that is shown of it is known to be true. */
  readonly dead: ReadonlySignal<boolean>;
  readonly clock: Clock;
  readonly t: ReadonlySignal<Translate>;
  readonly markdown: RenderMarkdown;
  readonly formulas: Formulas;
  /** The newest question or report to be read out. */
  readonly announcement: Signal<string>;
  /** When the newest notice that was put away was given; kernel time. */
  readonly dismissed: Signal<number>;
  /** The server's name as it is now; `fallback` where it was removed. */
  serverLabel(serverId: string, fallback?: string): string;
  /** Why a server cannot be reached now, in words or ""; null when it can, or is not known. */
  offline(serverId: string): string | null;
  /** Looks for people by name beyond those the browser knows of, where there are more. */
  seek(search: string): void;
  /** Their newest connection, or undefined when they are not there. */
  online(peer: Peer): User | undefined;
  /** Why a command failed, in words, or "". */
  explain(outcome: Outcome): string;
  /** Sends an answer; what becomes of it shows in `drafts`. */
  answer(message: Message, text: string): Promise<void>;
  /** Takes an answer back: one that is held here, or waits in the kernel for its server. */
  takeBack(message: Message): Promise<void>;
  /** Puts a request away: its answer failed, or it is somebody else's business. */
  discard(message: Message): Promise<void>;
  /** Sends the draft for a person who is there; what becomes of it shows in `chatDrafts`. */
  sendChat(to: Peer): Promise<void>;
  /** Chat with this person, as the kernel counts it. */
  conversation(peer: Peer): Conversation | undefined;
  /** Everything up to there has been in view; with a person: of that conversation. */
  seen(upto: Order, peer: Peer | null): void;
  copy: typeof copyText;
  close(): void;
}

export function makeApp(model: Model): App {
  const { traits, stop: stopTraits } = followTraits(model);
  const ownStorage = makeSafeStorage(() => window.localStorage);
  const { prefs, stop: stopPrefs } = makePrefs(ownStorage);
  const colours = new Colours(ownStorage);
  const stopColours = colours.follow(traits.servers);
  const tabStorage = makeSafeStorage(() => window.sessionStorage);
  const clock = new Clock();
  const drafts = new Drafts(tabStorage);
  const announcement = signal("");
  const serverLabel = (serverId: string, fallback = ""): string =>
    traits.servers.value.find((server) => server.id === serverId)?.label || fallback || serverId;

  const locale = computed(() => pickLocale(prefs.value.language, navigator.languages));
  const client = new Client((content, buffers) => model.send(content, undefined, buffers), {
    onNow: (now) => clock.sync(now),
    onMessages: (messages, before, live) => {
      for (const message of messages) {
        drafts.follow(message);
        if (!isOpen(message)) uploads.clear(message.id);
      }
      const isNew = (message: Message): boolean => live && indexOf(before.messages, message) < 0;
      notifier.take(messages, isNew);
      const asks = messages.filter((message) => message.status === "pending" && isNew(message));
      if (asks.length) announce(asks.map((message) => `${title(message)}: ${firstLine(message)}`));
    },
  });
  const chinese = makeChinese(client);
  const vocabulary = signal<Vocabulary | null>(null);
  const t = computed(() => makeTranslate(locale.value, vocabulary.value));
  const stopSpeaking = effect(() => {
    if (locale.value !== "zh" || client.phase.value !== "live") return;
    void chinese.get().then((found) => {
      vocabulary.value = found;
    });
  });
  const uploads = new Uploads(client);
  const announce = makeAnnounce(announcement);
  const title = (message: Message): string =>
    articleName(t.value, message, serverLabel(message.server_id, message.server_name));
  const notifier = new Notifier(makeNotificationPort(window), {
    prefs: () => prefs.value,
    current: (message) => find(client.log.value.messages, message),
    title,
    lastCall: () => t.value("lastCall"),
    now: () => clock.toKernel(Date.now()),
  });
  const people = computed(() => {
    const place = new Map(traits.servers.value.map((server, index) => [server.id, index]));
    return distinctPeers(client.log.value.users).sort(
      (a, b) =>
        (place.get(a.server_id) ?? -1) - (place.get(b.server_id) ?? -1) ||
        a.nickname.toLowerCase().localeCompare(b.nickname.toLowerCase()),
    );
  });
  const snoozes = new Snoozes(ownStorage, clock);
  const waiting = makeWaiting(client, snoozes);
  const calm = computed(() => waiting.value.length === 0);
  const chatDrafts = new ChatDrafts(tabStorage, people, calm, (serverId) =>
    traits.servers.peek().some((server) => server.id === serverId),
  );
  const stopForgetting = effect(() => drafts.forget(client.removed.value));
  const explain = (outcome: Outcome): string =>
    outcome.ok ? "" : t.value.said(outcome.error) || t.value("kernelSilent");
  const online = (peer: Peer): User | undefined =>
    client.log.value.users
      .filter((user) => user.server_id === peer.server_id && user.nickname === peer.nickname)
      .sort((a, b) => a.connected_at - b.connected_at)
      .at(-1);
  const flush = (): void => {
    drafts.flush();
    chatDrafts.flush();
    colours.flush();
    snoozes.flush();
  };

  const receive = (content: unknown, buffers?: readonly unknown[]): void => client.receive(content, buffers);
  const closed = (): void => client.close();
  // After a kernel restart the manager drops the comm without a word to us but this event; likewise when it is back.
  const checked = (): void => client.probe();
  model.on("msg:custom", receive);
  model.on("comm:close", closed);
  model.on("comm_live_update", checked);
  const stopKernel = onKernelEnd(model.widget_manager, closed);
  const left = (event: PageTransitionEvent): void => {
    flush();
    // A tab that goes takes its unsent files along.
    if (!event.persisted) uploads.drop();
  };
  window.addEventListener("pagehide", left);
  client.sync();
  const dead = computed(() => {
    const phase = client.phase.value;
    return phase === "gone" || (phase === "silent" && client.log.value.epoch !== null);
  });

  const seen = makeSeen(client);
  /** Answers that can still be undone: calling one with true sends it. */
  const held = new Map<string, (go: boolean) => void>();
  const hold = (id: string, seconds: number): Promise<boolean> =>
    new Promise((resolve) => {
      const end = (go: boolean): void => {
        clearTimeout(timer);
        held.delete(id);
        resolve(go);
      };
      const timer = setTimeout(() => end(true), seconds * 1_000);
      held.set(id, end);
    });
  return {
    client,
    traits,
    drafts,
    chatDrafts,
    uploads,
    texts: new WholeTexts(client),
    people,
    snoozes,
    waiting,
    prefs,
    colours,
    dead,
    clock,
    t,
    markdown: makeMarkdown(window),
    formulas: new Formulas(client, makeMathPurifier(window)),
    announcement,
    dismissed: signal(0),
    serverLabel,
    offline(serverId) {
      const server = traits.servers.value.find(({ id }) => id === serverId);
      return !server || server.state === "connected" ? null : server.error;
    },
    seek(search) {
      const { users, userCount } = client.log.peek();
      if (search && userCount > users.length) client.seek(search);
    },
    online,
    explain,
    conversation: (peer) => client.log.value.conversations.find((item) => peerKey(item) === peerKey(peer)),
    async answer(message, text) {
      const { id } = message;
      // Asked of the state, not of what is drawn: two clicks may come before the next drawing.
      const { undoSeconds } = prefs.peek();
      if (!isSendable(message) || !drafts.startSending(id, text, undoSeconds > 0)) return;
      if (undoSeconds > 0 && !(await hold(id, undoSeconds))) {
        drafts.refused(id, "");
        return;
      }
      drafts.release(id);
      if (!(await uploads.refresh(id))) {
        drafts.refused(id, t.value("attachFailed"));
        return;
      }
      const files = uploads.peek(id).map((file) => file.id);
      const { prefix, suffix } = traits.settings.peek().preferences;
      // The lines of a structured answer are read by programs; nothing may stand around them.
      const wrap = message.options.length === 0 && drafts.state(id).wrap && (prefix || suffix);
      const outcome = await client.command(message.kind === "report" ? "confirm" : "reply", {
        message_id: id,
        text,
        ...(files.length && { uploads: files }),
        ...(wrap && { wrap: true }),
      });
      if (outcome.ok) drafts.accepted(id);
      else drafts.refused(id, explain(outcome));
    },
    async takeBack({ id }) {
      const undo = held.get(id);
      if (undo) undo(false);
      else {
        const outcome = await client.command("take_back", { message_id: id });
        if (!outcome.ok) drafts.refused(id, explain(outcome));
      }
    },
    async discard({ id }) {
      drafts.giveUp(id);
      const outcome = await client.command("discard", { message_id: id });
      if (!outcome.ok) drafts.refused(id, explain(outcome));
    },
    async sendChat(to) {
      const user = online(to);
      const text = user && chatDrafts.startSending(to);
      if (!text) return;
      const { server_id, client_id, nickname } = user;
      const outcome = await client.command("send", { server_id, client_id, nickname, text });
      chatDrafts.finishSending(to, text, explain(outcome));
    },
    seen: seen.tell,
    copy: copyText,
    close() {
      model.off("msg:custom", receive);
      model.off("comm:close", closed);
      model.off("comm_live_update", checked);
      for (const end of [...held.values()]) end(false);
      stopKernel();
      window.removeEventListener("pagehide", left);
      seen.stop();
      stopForgetting();
      stopColours();
      stopSpeaking();
      snoozes.close();
      uploads.drop();
      notifier.close();
      stopTraits();
      stopPrefs();
      flush();
      client.close();
    },
  };
}

/** What comes close together is read out together: another text in the same place would cut off the one before. */
function makeAnnounce(announcement: Signal<string>): (lines: readonly string[]) => void {
  let at = 0;
  return (lines) => {
    const now = Date.now();
    const before = now - at < ANNOUNCED_MS ? announcement.peek().split("\n") : [];
    at = now;
    announcement.value = [...before, ...lines].slice(-ANNOUNCED_MAX).join("\n");
  };
}

/** A window can be large: after a patch only what it changed is looked at again. */
function makeWaiting(client: Client, snoozes: Snoozes): ReadonlySignal<readonly Message[]> {
  let from: readonly Message[] = [];
  let kept: readonly Message[] = [];
  const open = computed(() => {
    const { messages } = client.log.value;
    kept = refilter(from, kept, messages, isWaiting);
    from = messages;
    return kept;
  });
  return computed(() => open.value.filter(({ id }) => !snoozes.sleeps(id)).sort(byUrgency));
}

/** Tells the kernel how far the person has read: at most twice a second, and the furthest of what was told meanwhile. */
function makeSeen(client: Client): { tell: App["seen"]; stop: () => void } {
  const next = new Map<string, Commands["seen"]>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = (): void => {
    timer = undefined;
    // Without a kernel nothing is told; what is in view then is told again as long as it counts as unread.
    if (client.phase.peek() === "live") for (const args of next.values()) void client.command("seen", args);
    next.clear();
  };
  return {
    tell(upto, peer) {
      const name = peer ? peerKey(peer) : "";
      const known = next.get(name);
      if (known && compareOrder(upto, known.upto) <= 0) return;
      next.set(name, { upto, ...(peer && { server_id: peer.server_id, peer: peer.nickname }) });
      timer ??= setTimeout(flush, SEEN_MS);
    },
    stop: () => clearTimeout(timer),
  };
}
