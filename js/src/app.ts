/** Everything the views of one model share. Made once per model; a view only reads it and calls it. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { Attachments } from "./attachments";
import { Client, type Outcome } from "./client";
import { copyText } from "./clipboard";
import { Drafts } from "./drafts";
import { makeTranslate, pickLocale, type Translate } from "./i18n";
import { Keeper } from "./keep";
import { onKernelEnd } from "./kernel";
import { makeMarkdown, type RenderMarkdown } from "./markdown";
import { makeBell, Notifier } from "./notify";
import { type Peer, peerKey } from "./people";
import { makePrefs, type Prefs } from "./prefs";
import {
  type Commands,
  type Conversation,
  compareOrder,
  type Message,
  type Order,
  type User,
} from "./protocol";
import { find, indexOf } from "./sorted";
import { cabinet } from "./storage";
import { isOpen } from "./store";
import { Clock } from "./time";
import { followTraits, type Model, type Traits } from "./traits";

export function peerOf(message: Message): Peer {
  return { server_id: message.server_id, nickname: message.mine ? message.receiver : message.sender };
}

const SEEN_MS = 500;

export interface App {
  readonly client: Client;
  readonly traits: Traits;
  readonly drafts: Drafts;
  readonly attachments: Attachments;
  readonly prefs: Signal<Prefs>;
  readonly clock: Clock;
  readonly t: ReadonlySignal<Translate>;
  readonly markdown: RenderMarkdown;
  /** The composer's text and recipient: one per tab, whatever view it is typed in. */
  readonly letter: Signal<string>;
  readonly recipient: Signal<Peer | null>;
  /** The newest question or report to be read out. */
  readonly announcement: Signal<string>;
  readonly dismissed: Signal<number>;
  serverLabel(serverId: string, fallback?: string): string;
  online(peer: Peer): User | undefined;
  explain(outcome: Outcome): string;
  answer(message: Message, text: string): Promise<void>;
  /** Chat with this person, as the kernel counts it. */
  conversation(peer: Peer): Conversation | undefined;
  /** Everything up to there has been in view; with a person: of that conversation. */
  seen(upto: Order, peer: Peer | null): void;
  copy: typeof copyText;
  close(): void;
}

export function makeApp(model: Model): App {
  const { traits, stop: stopTraits } = followTraits(model);
  const { prefs, stop: stopPrefs } = makePrefs(cabinet(() => window.localStorage));
  const clock = new Clock();
  const drafts = new Drafts(new Keeper(cabinet(() => window.sessionStorage)));
  const announcement = signal("");
  const t = computed(() => makeTranslate(pickLocale(prefs.value.language, navigator.languages)));

  const serverLabel = (serverId: string, fallback = ""): string =>
    traits.servers.value.find((server) => server.id === serverId)?.label || fallback || serverId;

  const client = new Client((content, buffers) => model.send(content, undefined, buffers), {
    onNow: (now) => clock.sync(now),
    onMessages: (messages, before, live) => {
      for (const message of messages) {
        drafts.follow(message);
        if (!isOpen(message)) attachments.clear(message.key);
      }
      const isNew = (message: Message): boolean => live && indexOf(before.messages, message) < 0;
      notifier.take(messages, isNew);
      const asks = messages.findLast((message) => message.status === "pending" && isNew(message));
      if (asks) announcement.value = title(asks);
    },
  });
  const attachments = new Attachments(client);
  const title = (message: Message): string =>
    articleName(t.value, message, serverLabel(message.server_id, message.server));
  const notifier = new Notifier(makeBell(window), {
    prefs: () => prefs.value,
    current: (message) => find(client.log.value.messages, message),
    title,
    lastCall: () => t.value("lastCall"),
    now: () => clock.toKernel(Date.now()),
  });
  const receive = (content: unknown, buffers?: readonly unknown[]): void => client.receive(content, buffers);
  const closed = (): void => client.close();
  // After a kernel restart the manager drops the comm without a word to us but this event; likewise when it is back.
  const checked = (): void => client.probe();
  model.on("msg:custom", receive);
  model.on("comm:close", closed);
  model.on("comm_live_update", checked);
  const stopKernel = onKernelEnd(model.widget_manager, closed);
  // A tab that goes takes its unsent files along.
  const left = (event: PageTransitionEvent): void => {
    if (!event.persisted) attachments.drop();
  };
  window.addEventListener("pagehide", left);
  client.sync();

  const seen = makeSeen(client);
  return {
    client,
    traits,
    drafts,
    attachments,
    prefs,
    clock,
    t,
    markdown: makeMarkdown(window),
    letter: signal(""),
    recipient: signal<Peer | null>(null),
    announcement,
    dismissed: signal(0),
    serverLabel,
    online: (peer) =>
      client.log.value.users
        .filter((user) => user.server_id === peer.server_id && user.nickname === peer.nickname)
        .sort((a, b) => a.connected_at - b.connected_at)
        .at(-1),
    conversation: (peer) => client.log.value.conversations.find((item) => peerKey(item) === peerKey(peer)),
    explain: (outcome) => (outcome.ok ? "" : outcome.error || t.value("kernelSilent")),
    async answer(message, text) {
      // Asked of the state, not of what is drawn: two clicks may come before the next drawing.
      if (drafts.of(message.key).way.peek() !== "none") return;
      const name = message.kind === "report" ? "confirm" : "reply";
      drafts.sending(message.key, text);
      if (!(await attachments.refresh(message.key))) {
        drafts.refused(message.key, t.value("attachFailed"));
        return;
      }
      const files = attachments.of(message.key).peek();
      const { prefix, suffix } = traits.settings.peek().preferences;
      // The lines of a structured answer are read by programs; nothing may stand around them.
      const free = message.questions.length === 0 && drafts.of(message.key).wrap.peek();
      const outcome = await client.command(name, {
        key: message.key,
        text,
        ...(files.length && { uploads: files.map((item) => item.id) }),
        ...(free && (prefix || suffix) && { wrap: true }),
      });
      if (outcome.ok) drafts.accepted(message.key);
      else drafts.refused(message.key, this.explain(outcome));
    },
    seen: seen.tell,
    copy: copyText,
    close() {
      model.off("msg:custom", receive);
      model.off("comm:close", closed);
      model.off("comm_live_update", checked);
      stopKernel();
      window.removeEventListener("pagehide", left);
      seen.stop();
      attachments.drop();
      notifier.close();
      stopTraits();
      stopPrefs();
      drafts.close();
      client.close();
    },
  };
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

/** The accessible name of a message: what a screen reader says and a test looks for. */
export function articleName(t: Translate, message: Message, server: string): string {
  const agent = message.agent || t("agent");
  if (message.kind === "question") return t("questionFrom", { agent, server });
  if (message.kind === "report") return t("reportFrom", { agent, server });
  return t("chatWith", { nickname: peerOf(message).nickname, server });
}
