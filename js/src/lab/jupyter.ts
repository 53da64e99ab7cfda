/** What this package uses of JupyterLab and Notebook; they have no types that could be had without all of them. */

export interface Signal<Sender, Args> {
  connect(slot: (sender: Sender, args: Args) => void): unknown;
}

export interface Comm {
  readonly commId: string;
  onMsg: (message: CommMessage) => void;
  onClose: (message: unknown) => void;
  send(data: object, metadata?: object, buffers?: readonly (ArrayBuffer | ArrayBufferView)[]): unknown;
}

export interface CommMessage {
  readonly content: { readonly data: unknown };
  readonly buffers?: readonly (ArrayBuffer | ArrayBufferView)[];
}

export interface Reply {
  readonly content: {
    readonly status: string;
    readonly ename?: string;
    readonly evalue?: string;
    readonly user_expressions?: Record<string, { readonly data?: Record<string, unknown> }>;
  };
}

export interface Kernel {
  readonly status: string;
  readonly statusChanged: Signal<Kernel, string>;
  readonly disposed: Signal<Kernel, void>;
  createComm(target: string, id: string): Comm;
  registerCommTarget(target: string, opened: (comm: Comm) => void): void;
  requestExecute(content: object): { readonly done: Promise<Reply> };
}

export interface Session {
  readonly kernel: Kernel | null;
  readonly disposed: Signal<Session, void>;
  shutdown(): Promise<void>;
}

export interface Services {
  readonly kernelspecs: {
    readonly ready: Promise<void>;
    readonly specs: {
      readonly default: string;
      readonly kernelspecs: Record<string, { readonly language: string } | undefined>;
    } | null;
  };
  readonly sessions: {
    refreshRunning(): Promise<void>;
    running(): Iterable<{ readonly path: string }>;
    connectTo(options: { readonly model: unknown }): Session;
    startNew(options: object): Promise<Session>;
  };
}

/** A Lumino widget, as far as a panel of ours is one. */
export interface Panel {
  id: string;
  readonly node: HTMLElement;
  readonly title: { label: string; caption: string; icon: unknown };
  onAfterShow(message: unknown): void;
  addClass(name: string): void;
}

export interface App {
  readonly serviceManager: Services;
  readonly shell: {
    add(widget: Panel, area: string, options?: object): void;
    activateById(id: string): void;
  };
  readonly commands: {
    addCommand(id: string, options: object): unknown;
    execute(id: string): Promise<unknown>;
  };
}

export interface Palette {
  addItem(item: { command: string; category: string }): unknown;
}

export interface Launcher {
  add(item: { command: string; args: object; category: string; rank: number }): unknown;
}

export interface StatusBar {
  registerStatusItem(id: string, item: { item: Panel; align: string; rank: number }): unknown;
}

export interface Restorer {
  add(widget: Panel, name: string): void;
}
