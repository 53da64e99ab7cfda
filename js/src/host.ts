/** What the page around the widget gives it: the model with its synced traits, and the end of its kernel. */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { Notice, Rule, Server, Settings } from "./protocol";
import { isObject, readCount, readNotices, readRules, readServers, readSettings } from "./validate";

/** What this package uses of an anywidget model. */
export interface Model {
  get(name: string): unknown;
  on(event: string, callback: (content: unknown, buffers?: readonly unknown[]) => void): void;
  off(event: string, callback: (content: unknown, buffers?: readonly unknown[]) => void): void;
  readonly widget_manager?: unknown;
  send(content: object, callbacks?: unknown, buffers?: ArrayBuffer[]): void;
}

export interface Traits {
  readonly servers: ReadonlySignal<readonly Server[]>;
  readonly connected: ReadonlySignal<number>;
  readonly enabled: ReadonlySignal<number>;
  readonly pending: ReadonlySignal<number>;
  readonly unread: ReadonlySignal<number>;
  readonly settings: ReadonlySignal<Settings>;
  readonly notices: ReadonlySignal<readonly Notice[]>;
  readonly rules: ReadonlySignal<readonly Rule[]>;
}

/** The synced traits as signals, checked on the way in. */
export function followTraits(model: Model): { traits: Traits; stop: () => void } {
  const stops: (() => void)[] = [];
  function follow<T>(name: string, read: (value: unknown) => T): ReadonlySignal<T> {
    const value = signal(read(model.get(name)));
    const update = () => {
      value.value = read(model.get(name));
    };
    model.on(`change:${name}`, update);
    stops.push(() => model.off(`change:${name}`, update));
    return value;
  }
  const traits = {
    servers: follow("_servers", readServers),
    connected: follow("connected_count", readCount),
    enabled: follow("server_count", readCount),
    pending: follow("pending_count", readCount),
    unread: follow("unread_count", readCount),
    settings: follow("_settings", readSettings),
    notices: follow("_notices", readNotices),
    rules: follow("_rules", readRules),
  };
  return {
    traits,
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}

interface JupyterSignal {
  connect(slot: () => void): unknown;
  disconnect(slot: () => void): unknown;
}

const isSignal = (value: unknown): value is JupyterSignal =>
  isObject(value) && typeof value.connect === "function" && typeof value.disconnect === "function";

/**
 * Calls `ended` when the kernel of this widget manager is gone for good. JupyterLab and Notebook close the comms of a
 * kernel that restarts, but say nothing to the widgets of one that is shut down or exchanged: there, the manager's
 * kernel is disposed. In other hosts `ended` is never called.
 */
export function onKernelEnd(manager: unknown, ended: () => void): () => void {
  const kernel = isObject(manager) ? manager.kernel : undefined;
  const disposed = isObject(kernel) ? kernel.disposed : undefined;
  if (!isSignal(disposed)) return () => {};
  disposed.connect(ended);
  return () => void disposed.disconnect(ended);
}
