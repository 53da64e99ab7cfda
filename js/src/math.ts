/** Formulas in messages: shown as written until what shows them has come from the kernel. */
import type { Client } from "./client";
import { download } from "./transfer";

/** TeX to the text of an element in MathML. */
export type RenderTex = (tex: string, block: boolean) => string;

const CODE = "code.language-math-inline, code.language-math-block";
/** Longer ones stay as they are. */
const TEX_MAX = 5_000;

export class Formulas {
  private render: RenderTex | null = null;
  private loading: Promise<void> | null = null;

  /**
   * @param client whom the module is fetched from.
   * @param sanitize makes nodes of MathML that neither run nor ask for anything.
   * @param load makes a module of its text.
   */
  constructor(
    private readonly client: Client,
    private readonly sanitize: (mathml: string) => DocumentFragment,
    private readonly load: (code: Blob) => Promise<RenderTex> = importBlob,
  ) {}

  /** Shows the formulas of a text as such; now, or when the module has come. */
  async show(root: ParentNode): Promise<void> {
    if (!root.querySelector(CODE)) return;
    if (!this.render) {
      this.loading ??= this.fetch();
      await this.loading;
    }
    for (const code of root.querySelectorAll(CODE)) this.replace(code);
  }

  private replace(code: Element): void {
    const tex = code.getAttribute("title") ?? "";
    if (!this.render || tex.length > TEX_MAX) return;
    try {
      const shown = this.sanitize(this.render(tex, code.classList.contains("language-math-block")));
      if (shown.firstElementChild) code.replaceWith(shown);
    } catch {
      // As it was written is better than nothing.
    }
  }

  private async fetch(): Promise<void> {
    try {
      const code = await download(this.client, { module: "math" }, "text/javascript");
      if (code instanceof Blob) this.render = await this.load(code);
    } catch {
      // A page that forbids such modules shows formulas as they were written.
    } finally {
      // Without it, the next message with a formula tries again.
      if (!this.render) this.loading = null;
    }
  }
}

async function importBlob(code: Blob): Promise<RenderTex> {
  const url = URL.createObjectURL(code);
  try {
    return ((await import(/* @vite-ignore */ url)) as { render: RenderTex }).render;
  } finally {
    URL.revokeObjectURL(url);
  }
}
