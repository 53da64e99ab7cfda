/** One page with one widget in it, for tests that drive the whole browser side by what a person sees and does. */
import { options } from "preact";
import { afterEach, beforeEach, vi } from "vitest";
import makeLifecycle from "../src/index";
import { FakeKernel } from "./fake-model";

class NoObserver {
  observe() {}
  unobserve() {}
  disconnect() {}
}

/** Everything that is watched is in view. */
export class InView extends NoObserver {
  constructor(private readonly callback: (entries: object[]) => void) {
    super();
  }
  override observe() {
    this.callback([{ isIntersecting: true }]);
  }
}

// Effects, and what ends them when a view is gone, are over after `settle`, and never come after the page's own end.
options.requestAnimationFrame = (flush) => void setTimeout(flush, 0);

export const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

export class Page {
  kernel = new FakeKernel();
  host = document.createElement("div");
  /** What a test has opened, to be closed after it. */
  ends: (() => void)[] = [];

  async open(messages: unknown[], change: object = {}) {
    const lifecycle = makeLifecycle();
    this.ends.push(lifecycle.initialize({ model: this.kernel.model() }));
    this.ends.push(lifecycle.render({ model: this.kernel.model(), el: this.host }));
    this.kernel.snapshot(messages, change);
    await settle();
    return lifecycle;
  }

  /** The page is left and opened again: only what the browser stores lives on. */
  async reload(messages: unknown[], change: object = {}) {
    window.dispatchEvent(new PageTransitionEvent("pagehide", { persisted: false }));
    this.close();
    this.kernel = new FakeKernel();
    this.host = document.createElement("div");
    document.body.replaceChildren(this.host);
    return await this.open(messages, change);
  }

  close() {
    for (const end of this.ends.reverse()) end();
    this.ends = [];
  }

  find<T extends Element = HTMLElement>(selector: string): T | null {
    return this.host.querySelector<T>(selector);
  }

  article(name: string): HTMLElement | null {
    return this.find(`article[aria-label="${name}"]`);
  }

  /** The element with an accessible name. */
  named<T extends Element = HTMLElement>(name: string): T {
    const found = this.find<T>(`[aria-label="${name}"]`);
    if (!found) throw new Error(`nothing is called ${name}`);
    return found;
  }

  button(name: string, within: Element = this.host): HTMLButtonElement | undefined {
    return [...within.querySelectorAll("button")].find(
      (item) => (item.ariaLabel ?? item.textContent) === name,
    );
  }

  async type(box: HTMLTextAreaElement | HTMLInputElement | HTMLSelectElement, text: string) {
    box.value = text;
    box.dispatchEvent(new Event(box instanceof HTMLSelectElement ? "change" : "input", { bubbles: true }));
    await settle();
  }
}

/** A new page for every test of the file. */
export function usePage(): Page {
  const page = new Page();
  beforeEach(() => {
    vi.stubGlobal("ResizeObserver", NoObserver);
    vi.stubGlobal("IntersectionObserver", NoObserver);
    vi.stubGlobal("CSS", { supports: () => true });
    sessionStorage.clear();
    localStorage.clear();
    page.kernel = new FakeKernel();
    page.host = document.createElement("div");
    document.body.replaceChildren(page.host);
  });
  afterEach(async () => {
    page.close();
    await settle();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });
  return page;
}
