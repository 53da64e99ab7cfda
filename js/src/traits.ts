/** The synced traits as signals, checked on the way in. */
import { type ReadonlySignal, signal } from "@preact/signals";
import type { Notice, Server, Settings } from "./protocol";
import { readCount, readNotices, readServers, readSettings } from "./validate";

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
}

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
  };
  return {
    traits,
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}
