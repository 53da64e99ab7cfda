/** A panel in the side bar of JupyterLab and Notebook, with its commands. */
import { Inbox } from "./inbox";
import type { App, Launcher, Palette, Panel, Restorer, StatusBar } from "./jupyter";

const ID = "ipymultichat";
const NAME = "MultiChat";
const SVG =
  '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16"><path class="jp-icon3" fill="#616161" d="M2 2h12a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1H8l-4 3.5V11H2a1 1 0 0 1-1-1V3a1 1 0 0 1 1-1Zm2 3v1.5h8V5H4Zm0 2.5V9h5V7.5H4Z"/></svg>';

/** What the host shares: its classes, and the tokens of its services. */
export interface Shared {
  readonly Widget: new () => Panel;
  readonly LabIcon: new (options: { name: string; svgstr: string }) => unknown;
  readonly tokens: readonly unknown[];
}

function makePanel(shared: Shared, icon: unknown): { panel: Panel; box: HTMLElement; words: HTMLElement } {
  const panel = new shared.Widget();
  panel.id = ID;
  panel.title.icon = icon;
  panel.title.caption = NAME;
  panel.addClass("imc-lab");
  panel.node.setAttribute("role", "region");
  panel.node.setAttribute("aria-label", NAME);
  Object.assign(panel.node.style, { display: "flex", flexDirection: "column", minInlineSize: "280px" });
  const words = document.createElement("div");
  words.setAttribute("role", "status");
  words.style.padding = "12px";
  const box = document.createElement("div");
  Object.assign(box.style, { flex: "1 1 auto", minBlockSize: "0" });
  panel.node.append(words, box);
  return { panel, box, words };
}

export function makePlugin(shared: Shared): object {
  return {
    id: `${ID}:inbox`,
    description: "The inbox of all chat servers, on a kernel of its own.",
    autoStart: true,
    optional: shared.tokens,
    activate(
      app: App,
      palette: Palette | null,
      launcher: Launcher | null,
      statusBar: StatusBar | null,
      restorer: Restorer | null,
    ): void {
      const icon = new shared.LabIcon({ name: `${ID}:inbox`, svgstr: SVG });
      const { panel, box, words } = makePanel(shared, icon);
      const item = new shared.Widget();
      item.id = `${ID}-status`;
      item.addClass("jp-mod-highlighted");
      item.node.hidden = true;
      item.node.addEventListener("click", () => void app.commands.execute(`${ID}:open`));
      const inbox = new Inbox(app.serviceManager, {
        box,
        say(text, again) {
          words.hidden = !text;
          words.textContent = text;
          if (!again) return;
          const button = document.createElement("button");
          button.className = "jp-mod-styled";
          button.textContent = "Open it again";
          button.addEventListener("click", () => void inbox.start());
          words.append(" ", button);
        },
        pending(count) {
          panel.title.label = count ? String(count) : "";
          panel.title.caption = count ? `${NAME}: ${count} pending` : NAME;
          item.node.hidden = !count;
          item.node.textContent = `${NAME}: ${count} pending`;
        },
      });
      panel.onAfterShow = () => void inbox.start();
      app.shell.add(panel, "right", { rank: 600 });
      restorer?.add(panel, ID);
      statusBar?.registerStatusItem(item.id, { item, align: "right", rank: 100 });

      const open = async (): Promise<void> => {
        app.shell.activateById(ID);
        await inbox.start();
      };
      const commands: Record<string, { label: string; execute: () => Promise<void>; icon?: unknown }> = {
        open: { label: "Open the inbox", icon, execute: open },
        "next-pending": {
          label: "Next pending message",
          async execute() {
            await open();
            const key = new KeyboardEvent("keydown", { key: "ArrowDown", altKey: true, bubbles: true });
            box.querySelector(".imc-root")?.dispatchEvent(key);
          },
        },
        connect: { label: "Try the servers again", execute: () => inbox.connect() },
        shutdown: { label: "Close the inbox and shut its kernel down", execute: () => inbox.shutdown() },
      };
      for (const [name, { label, icon: shown, execute }] of Object.entries(commands)) {
        const command = `${ID}:${name}`;
        // In the launcher the card says whose it is.
        const words = ({ isLauncher }: { isLauncher?: boolean }) => (isLauncher ? NAME : label);
        app.commands.addCommand(command, { label: words, caption: label, icon: shown, execute });
        palette?.addItem({ command, category: NAME });
      }
      launcher?.add({ command: `${ID}:open`, args: { isLauncher: true }, category: "Other", rank: 50 });
    },
  };
}
