import type { Model } from "../src/host";
import { snapshot } from "./helpers";

type Sent = Record<string, unknown>;
type Listener = (content: unknown, buffers?: readonly unknown[]) => void;

/** A model as a host gives it: another object for `initialize` and for each `render`, one kernel behind them. */
export class FakeKernel {
  readonly sent: Sent[] = [];
  readonly traits: Record<string, unknown> = {
    _servers: [
      { id: "s1", label: "Work", url: "ws://w", enabled: true, state: "connected" },
      { id: "s2", label: "Home", url: "ws://h", enabled: true, state: "error", error: "refused" },
    ],
    connected_count: 1,
    server_count: 2,
    pending_count: 0,
    unread_count: 0,
    _settings: { nickname: "me", has_token: true, profile: "", io: "kernel" },
    _notices: [],
  };
  private readonly listeners = new Map<string, Set<Listener>>();

  /** Like the manager of JupyterLab, which shows the kernel's end as a signal; other hosts show no kernel. */
  readonly manager: unknown = {
    kernel: {
      disposed: {
        connect: (slot: () => void) => this.listen("disposed", slot),
        disconnect: (slot: () => void) => this.listeners.get("disposed")?.delete(slot),
      },
    },
  };

  private listen(event: string, callback: Listener): void {
    this.listeners.set(event, (this.listeners.get(event) ?? new Set()).add(callback));
  }

  model(): Model {
    return {
      widget_manager: this.manager,
      get: (name) => this.traits[name],
      on: (event, callback) => this.listen(event, callback),
      off: (event, callback) => {
        this.listeners.get(event)?.delete(callback);
      },
      send: (content) => void this.sent.push(content as Sent),
    };
  }

  get listening(): number {
    return [...this.listeners.values()].reduce((sum, set) => sum + set.size, 0);
  }

  emit(event: string, content?: unknown, buffers?: readonly unknown[]): void {
    for (const callback of this.listeners.get(event) ?? []) callback(content, buffers);
  }

  set(name: string, value: unknown): void {
    this.traits[name] = value;
    this.emit(`change:${name}`);
  }

  tell(frame: unknown, buffers: readonly DataView[] = []): void {
    this.emit("msg:custom", frame, buffers);
  }

  get client(): string {
    return this.sent.find((frame) => frame.type === "sync")?.client as string;
  }

  snapshot(messages: unknown[], change: object = {}): void {
    this.tell(snapshot(this.client, 1, messages, change));
  }

  commands(name: string): Sent[] {
    return this.sent.filter((frame) => frame.name === name);
  }

  answer(command: Sent | undefined, change: object = {}): void {
    this.tell({
      type: "result",
      client: this.client,
      ref: command?.ref,
      ok: true,
      error: "",
      value: null,
      ...change,
    });
  }
}
