/** Chat messages that the person types: one draft per recipient, until the kernel has taken it. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { distinctPeers, type Peer, peerKey } from "./people";
import { type SafeStorage, StoredMap, WatchedMap } from "./storage";
import { isObject } from "./validate";

const STORAGE_KEY = "ipymultichat.chatDrafts";

interface ChatDraft {
  /** Null: typed before a recipient was chosen. */
  readonly to: Peer | null;
  readonly text: string;
}

interface SendingState {
  /** The kernel is asked to send it. */
  readonly busy: boolean;
  /** Why the kernel refused the last try, or "". */
  readonly error: string;
}

const AT_REST: SendingState = { busy: false, error: "" };
const idOf = (to: Peer | null): string => (to ? peerKey(to) : "");

export class ChatDrafts {
  /**
   * Who is written to where no conversation is open. Without a choice it is the only person online, up to the first
   * character: then the recipient is fixed, whoever comes and goes. While agents wait it is nobody: what is meant for one
   * of them must not go to a colleague.
   */
  readonly recipient: ReadonlySignal<Peer | null>;
  /** Everybody who can be chosen: those online, those with a draft, and the recipient. */
  readonly recipients: ReadonlySignal<readonly Peer[]>;
  private readonly drafts: StoredMap<ChatDraft>;
  private readonly states = new WatchedMap<SendingState>();
  private readonly chosen: Signal<Peer | null>;

  /**
   * @param storage where drafts outlive a reload of the page.
   * @param online the people who are there.
   * @param calm whether nothing waits for an answer.
   * @param isKnown whether this widget has such a server: another one in this tab keeps its drafts in the same place.
   */
  constructor(
    storage: SafeStorage,
    online: ReadonlySignal<readonly Peer[]>,
    calm: ReadonlySignal<boolean>,
    isKnown: (serverId: string) => boolean,
  ) {
    this.drafts = new StoredMap(storage, STORAGE_KEY, readChatDraft);
    const drafted = (): Peer[] =>
      this.drafts
        .values()
        .map((draft) => draft.to)
        .filter((to) => to !== null && isKnown(to.server_id)) as Peer[];
    // After a reload the last draft is in the box; one without a recipient first, as nothing else leads to it.
    this.chosen = signal(this.drafts.peek("") ? null : (drafted().at(-1) ?? null));
    this.recipient = computed(() => {
      if (this.chosen.value || this.drafts.get("")) return this.chosen.value;
      const [only, ...others] = online.value;
      return others.length === 0 && calm.value ? (only ?? null) : null;
    });
    this.recipients = computed(() => {
      const to = this.recipient.value;
      return distinctPeers([...online.value, ...drafted(), ...(to ? [to] : [])]);
    });
  }

  text(to: Peer | null): string {
    return this.drafts.get(idOf(to))?.text ?? "";
  }

  state(to: Peer | null): SendingState {
    return this.states.get(idOf(to)) ?? AT_REST;
  }

  /** The person typed; whoever is written to for now stays the recipient. */
  type(to: Peer | null, text: string): void {
    if (this.chosen.peek() === null) this.chosen.value = to;
    this.write(to, text);
    this.update(to, { error: "" });
  }

  /** The person chose a recipient, whose own draft is then in the box. What had no recipient yet goes there as well. */
  choose(to: Peer): void {
    this.chosen.value = to;
    const own = this.drafts.peek(idOf(to))?.text;
    const unaddressed = this.drafts.peek("")?.text;
    if (!unaddressed) return;
    this.write(to, own ? `${own}\n${unaddressed}` : unaddressed);
    this.write(null, "");
  }

  /** The draft is handed to the kernel. Returns its text, or "" when there is none or one is on its way already. */
  startSending(to: Peer): string {
    const text = this.drafts.peek(idOf(to))?.text ?? "";
    if (!text.trim() || this.states.peek(idOf(to))?.busy) return "";
    this.update(to, { busy: true, error: "" });
    return text;
  }

  /** The kernel took the text, or said why not. What was typed meanwhile is the next message. */
  finishSending(to: Peer, text: string, error: string): void {
    this.update(to, { busy: false, error });
    if (!error && this.drafts.peek(idOf(to))?.text === text) this.write(to, "");
  }

  /** Writes to the tab's storage what has not been written yet. */
  flush(): void {
    this.drafts.flush();
  }

  private write(to: Peer | null, text: string): void {
    this.drafts.set(idOf(to), text ? { to, text } : undefined);
  }

  private update(to: Peer | null, change: Partial<SendingState>): void {
    const state = { ...(this.states.peek(idOf(to)) ?? AT_REST), ...change };
    this.states.set(idOf(to), state.busy || state.error ? state : undefined);
  }
}

function readChatDraft(value: unknown): ChatDraft | null {
  if (!isObject(value) || typeof value.text !== "string") return null;
  const { to, text } = value;
  if (to === null) return { to, text };
  if (!isObject(to) || typeof to.server_id !== "string" || typeof to.nickname !== "string") return null;
  return { to: { server_id: to.server_id, nickname: to.nickname }, text };
}
