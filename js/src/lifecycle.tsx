import { render as mount } from "preact";
import { type App, makeApp } from "./app";
import type { Model } from "./host";
import { countOnTab } from "./panel";
import { countInTitle } from "./title";
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
    const stopTitle = countInTitle(document, app, app.traits.pending);
    return [
      app,
      () => {
        stopTitle();
        apps.delete(model);
        app.close();
      },
    ];
  }

  /** The app of this model object, or the only one there is: a host may give `render` another object for one model. */
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
      const stopView = view.start();
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
        stopView();
        closeApp();
      }, signal);
    },
  };
}
