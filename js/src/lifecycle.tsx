import { render as mount } from "preact";
import { type App, makeApp } from "./app";
import { countOnTab } from "./panel";
import type { Model } from "./traits";
import { Root } from "./ui/Root";
import { View, ViewContext } from "./view";

interface Props {
  readonly model: Model;
  /** Absent before anywidget 0.11. */
  readonly signal?: AbortSignal;
}

type Cleanup = () => void;

/** The host may both abort the signal and call the cleanup: whichever comes first counts. */
function once(cleanup: Cleanup, signal: AbortSignal | undefined): Cleanup {
  let done = false;
  const run = () => {
    if (done) return;
    done = true;
    signal?.removeEventListener("abort", run);
    cleanup();
  };
  signal?.addEventListener("abort", run);
  if (signal?.aborted) run();
  return run;
}

export function createLifecycle() {
  const apps = new Map<Model, App>();

  function open(model: Model): [App, Cleanup] {
    const app = makeApp(model);
    apps.set(model, app);
    return [
      app,
      () => {
        apps.delete(model);
        app.close();
      },
    ];
  }

  /** A host that passes its model as it is, or that made this closure for one model, leaves no doubt. */
  function find(model: Model): App | undefined {
    const [only, ...others] = apps.values();
    return apps.get(model) ?? (others.length ? undefined : only);
  }

  return {
    initialize({ model, signal }: Props): Cleanup {
      return once(open(model)[1], signal);
    },

    render({ model, el, signal }: Props & { readonly el: HTMLElement }): Cleanup {
      const found = find(model);
      const [app, closeApp] = found ? [found, () => {}] : open(model);
      const view = new View(app);
      const stopFeed = view.feed.start();
      mount(
        <ViewContext.Provider value={view}>
          <Root />
        </ViewContext.Provider>,
        el,
      );
      const stopCount = countOnTab(el, app.traits.unread);
      return once(() => {
        stopCount();
        mount(null, el);
        stopFeed();
        closeApp();
      }, signal);
    },
  };
}
