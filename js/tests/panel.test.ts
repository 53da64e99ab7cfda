import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { countOnTab } from "../src/panel";

let resized: () => void;
const settle = () => new Promise((resolve) => setTimeout(resolve, 0));
const label = () => document.querySelector(".lm-TabBar-tabLabel") as HTMLElement;
const inside = () => document.querySelector("#inside") as HTMLElement;

function page(title: string, tabOf = "panel") {
  document.body.innerHTML = `
    <div class="lm-TabBar"><ul>
      <li class="lm-TabBar-tab" data-id="${tabOf}"><div class="lm-TabBar-tabLabel">${title}</div></li>
    </ul></div>
    <div id="panel"><div><div id="inside"></div></div></div>`;
}

beforeEach(() => {
  vi.stubGlobal("CSS", { escape: (text: string) => text });
  vi.stubGlobal(
    "ResizeObserver",
    class {
      constructor(callback: () => void) {
        resized = callback;
      }
      observe() {}
      disconnect() {}
    },
  );
});
afterEach(() => vi.unstubAllGlobals());

describe("the tab of a panel of our own", () => {
  test("shows how much is unread, and is as it was in the end", () => {
    page("MultiChat");
    const count = signal(3);
    const stop = countOnTab(inside(), count);
    expect(label().textContent).toBe("MultiChat (3)");
    count.value = 0;
    expect(label().textContent).toBe("MultiChat");
    count.value = 12;
    stop();
    expect(label().textContent).toBe("MultiChat");
    count.value = 1;
    expect(label().textContent).toBe("MultiChat");
  });

  test("shows it again after the host has drawn its tabs anew", async () => {
    page("MultiChat");
    const stop = countOnTab(inside(), signal(3));
    label().textContent = "MultiChat";
    await settle();
    expect(label().textContent).toBe("MultiChat (3)");
    const bar = document.querySelector("ul") as HTMLElement;
    bar.innerHTML = bar.innerHTML.replace(" (3)", "");
    await settle();
    expect(label().textContent).toBe("MultiChat (3)");
    stop();
  });

  test("is found once the view is put into it", () => {
    page("MultiChat");
    const made = document.createElement("div");
    const stop = countOnTab(made, signal(3));
    expect(label().textContent).toBe("MultiChat");
    inside().append(made);
    resized();
    expect(label().textContent).toBe("MultiChat (3)");
    stop();
  });

  test.each([
    ["another name", "MultiChat.ipynb", "panel"],
    ["another panel", "MultiChat", "elsewhere"],
  ])("is left alone when it has %s", (_what, title, tabOf) => {
    page(title, tabOf);
    countOnTab(inside(), signal(3))();
    const stop = countOnTab(inside(), signal(3));
    expect(label().textContent).toBe(title);
    stop();
    expect(label().textContent).toBe(title);
  });
});
