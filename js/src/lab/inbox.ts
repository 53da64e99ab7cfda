/** The inbox of the profile on a kernel of its own, without a notebook: what ipywidgets does for one, for this one. */
import type { Comm, CommMessage, Kernel, Reply, Services, Session } from "./jupyter";

const PATH = "MultiChat inbox";
const TARGET = "jupyter.widget";
/** Run again in a kernel that has it, this finds the inbox that is there. */
const CODE = `
from ipymultichat import MultiChat
if "_inbox" not in globals() or _inbox.closed:
    _inbox = MultiChat()
`;

type Listener = (...args: unknown[]) => void;
type Cleanup = (() => void) | undefined;

/** A model as anywidget hands it to its modules, over a comm. */
class CommModel {
  readonly widget_manager: { readonly kernel: Kernel };
  private state: Record<string, unknown> = {};
  private readonly listeners = new Map<string, Set<Listener>>();

  constructor(
    private readonly comm: Comm,
    kernel: Kernel,
  ) {
    this.widget_manager = { kernel };
  }

  get(name: string): unknown {
    return this.state[name];
  }

  on(event: string, listener: Listener): void {
    const known = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, known.add(listener));
  }

  off(event: string, listener: Listener): void {
    this.listeners.get(event)?.delete(listener);
  }

  send(content: object, _callbacks?: unknown, buffers?: ArrayBuffer[]): void {
    this.comm.send({ method: "custom", content }, undefined, buffers);
  }

  update(state: Record<string, unknown>): void {
    Object.assign(this.state, state);
    for (const name of Object.keys(state)) this.tell(`change:${name}`);
  }

  tell(event: string, ...args: unknown[]): void {
    for (const listener of [...(this.listeners.get(event) ?? [])]) listener(...args);
  }
}

interface Module {
  initialize(props: object): Cleanup;
  render(props: object): Cleanup;
}

export interface Shown {
  /** Where the inbox goes; empty while it is not there. */
  readonly box: HTMLElement;
  /** How it is with it, in words; "" when it is there. */
  say(words: string, again: boolean): void;
  pending(count: number): void;
}

export class Inbox {
  private session: Session | null = null;
  private starting: Promise<void> | null = null;
  private ended: (() => void)[] = [];

  constructor(
    private readonly services: Services,
    private readonly shown: Shown,
  ) {}

  /** Shows the inbox; starts its kernel where there is none. */
  start(): Promise<void> {
    this.starting ??= this.open().catch((error: unknown) => {
      this.stop(`The inbox cannot be opened: ${error instanceof Error ? error.message : String(error)}`);
    });
    return this.starting;
  }

  async shutdown(): Promise<void> {
    const { session } = this;
    this.session = null; // its end is no news
    await session?.shutdown();
    this.stop("The inbox is closed, and its kernel shut down.");
  }

  /** Tries the servers again that are not connected. */
  async connect(): Promise<void> {
    await this.start();
    await this.session?.kernel?.requestExecute({ code: "_inbox.reconnect()", store_history: false }).done;
  }

  private async open(): Promise<void> {
    this.shown.say("Starting the inbox…", false);
    const session = await this.findSession();
    this.session = session;
    const { kernel } = session;
    if (!kernel) throw new Error("it has no kernel");
    // Of what opens here, only the inbox is shown; comms that nobody takes would be closed.
    const opened = new Map<string, Comm>();
    kernel.registerCommTarget(TARGET, (comm) => opened.set(comm.commId, comm));
    const id = await this.modelId(kernel);
    const comm = opened.get(id) ?? kernel.createComm(TARGET, id);
    const model = new CommModel(comm, kernel);
    const gone = () => {
      if (this.session === session) this.stop("The kernel of the inbox has ended.");
    };
    kernel.statusChanged.connect((_, status) => {
      if (status === "dead" || status === "restarting" || status === "autorestarting") gone();
    });
    kernel.disposed.connect(gone);
    comm.onClose = gone;
    await new Promise<void>((resolve) => {
      comm.onMsg = (message) => {
        this.receive(model, message);
        if (model.get("_esm")) resolve(); // what changed since it was made may come first
      };
      comm.send({ method: "request_state" });
    });
    await this.show(model);
    this.shown.say("", false);
  }

  private async findSession(): Promise<Session> {
    const { sessions, kernelspecs } = this.services;
    await sessions.refreshRunning();
    const running = [...sessions.running()].find(({ path }) => path === PATH);
    if (running) return sessions.connectTo({ model: running });
    await kernelspecs.ready;
    const { specs } = kernelspecs;
    const python = Object.entries(specs?.kernelspecs ?? {}).filter(([, spec]) => spec?.language === "python");
    const name = python.find(([known]) => known === specs?.default)?.[0] ?? python[0]?.[0];
    if (!name) throw new Error("there is no Python kernel");
    return sessions.startNew({ path: PATH, name: PATH, type: "console", kernel: { name } });
  }

  private async modelId(kernel: Kernel): Promise<string> {
    const request = { code: CODE, store_history: false, user_expressions: { id: "_inbox.model_id" } };
    const { content }: Reply = await kernel.requestExecute(request).done;
    if (content.status !== "ok") throw new Error(`${content.ename}: ${content.evalue}`);
    return String(content.user_expressions?.id?.data?.["text/plain"]).replace(/'/g, "");
  }

  private receive(model: CommModel, { content, buffers }: CommMessage): void {
    const data = content.data as { method?: string; state?: Record<string, unknown>; content?: unknown };
    if (data.method === "custom") {
      const views = (buffers ?? []).map((part) =>
        part instanceof ArrayBuffer
          ? new DataView(part)
          : new DataView(part.buffer, part.byteOffset, part.byteLength),
      );
      model.tell("msg:custom", data.content, views);
    } else if (data.state) {
      model.update(data.state);
      this.shown.pending(Number(model.get("pending_count")));
    }
  }

  private async show(model: CommModel): Promise<void> {
    const url = URL.createObjectURL(new Blob([String(model.get("_esm"))], { type: "text/javascript" }));
    const { default: make } = (await import(/* @vite-ignore */ url)) as { default: () => Module };
    URL.revokeObjectURL(url);
    const style = document.createElement("style");
    style.textContent = String(model.get("_css"));
    const el = document.createElement("div");
    this.shown.box.replaceChildren(style, el);
    const module = make();
    for (const cleanup of [module.initialize({ model }), module.render({ model, el })]) {
      if (cleanup) this.ended.push(cleanup);
    }
  }

  private stop(words: string): void {
    if (!this.starting) return;
    this.starting = this.session = null;
    for (const cleanup of this.ended.splice(0).reverse()) cleanup();
    this.shown.box.replaceChildren();
    this.shown.pending(0);
    this.shown.say(words, true);
  }
}
