/** Formulas in messages: shown as written until what shows them has come from the kernel. */
import type { Client } from "./client";
import { Module } from "./transfer";

/** TeX to the text of an element in MathML. */
export type RenderTex = (tex: string, block: boolean) => string;

const CODE = "code.language-math-inline, code.language-math-block";
/** Longer ones stay as they are. */
const TEX_MAX = 5_000;

export class Formulas {
  private readonly module: Module<RenderTex>;

  /**
   * @param client whom the module is fetched from.
   * @param sanitize makes nodes of MathML that neither run nor ask for anything.
   * @param load makes a module of its text.
   */
  constructor(
    client: Client,
    private readonly sanitize: (mathml: string) => DocumentFragment,
    load: (code: Blob) => Promise<RenderTex> = importBlob,
  ) {
    this.module = new Module(client, "math", "text/javascript", load);
  }

  /** Shows the formulas of a text as such; now, or when the module has come. */
  async show(root: ParentNode): Promise<void> {
    if (!root.querySelector(CODE)) return;
    const render = await this.module.get();
    if (render) for (const code of root.querySelectorAll(CODE)) this.replace(code, render);
  }

  private replace(code: Element, render: RenderTex): void {
    const tex = code.getAttribute("title") ?? "";
    if (tex.length > TEX_MAX) return;
    try {
      const shown = this.sanitize(render(tex, code.classList.contains("language-math-block")));
      if (shown.firstElementChild) code.replaceWith(shown);
    } catch {
      // As it was written is better than nothing.
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
