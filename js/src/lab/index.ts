/**
 * A prebuilt extension without a bundler: the host loads this file, and asks the container that it makes for modules
 * (webpack's module federation, as JupyterLab uses it). What the host shares is taken from it at run time.
 */
import { makePlugin, type Shared } from "./plugin";

interface Version {
  get(): unknown;
}
type Scope = Record<string, Record<string, Version> | undefined>;
// biome-ignore lint/suspicious/noExplicitAny: modules of the host, which has no types here
type Module = any;

let scope: Scope = {};

/** A module that the host shares; undefined where it shares none of that name. */
async function take(name: string): Promise<Module> {
  const [version] = Object.values(scope[name] ?? {});
  const make = (await version?.get()) as (() => Module) | undefined;
  return make?.();
}

async function shared(): Promise<Shared> {
  const names = ["widgets", "ui-components", "apputils", "launcher", "statusbar", "application"];
  const [widgets, ui, apputils, launcher, statusBar, application] = await Promise.all(
    names.map((name) => take(name === "widgets" ? "@lumino/widgets" : `@jupyterlab/${name}`)),
  );
  const tokens = [
    apputils.ICommandPalette,
    launcher?.ILauncher,
    statusBar?.IStatusBar,
    application?.ILayoutRestorer,
  ];
  return { Widget: widgets.Widget, LabIcon: ui.LabIcon, tokens };
}

const container = {
  init(given: Scope): void {
    scope = given;
  },
  async get(): Promise<() => object> {
    const plugin = makePlugin(await shared());
    return () => ({ __esModule: true, default: plugin });
  },
};

const known = window as unknown as { _JUPYTERLAB?: Record<string, unknown> };
known._JUPYTERLAB = { ...known._JUPYTERLAB, ipymultichat: container };
