import { describe, expect, test, vi } from "vitest";
import type { Client } from "../src/client";
import { makeMarkdown, makeMathPurifier } from "../src/markdown";
import { Formulas } from "../src/math";
import { render as renderTex } from "../src/math-module";

const page = window as unknown as Window & typeof globalThis;
const markdown = makeMarkdown(page);
const render = (text: string): HTMLElement => {
  const box = document.createElement("div");
  box.append(markdown(text));
  return box;
};
const found = (text: string) =>
  [...render(text).querySelectorAll("code[class^=language-math]")].map((code) => [
    code.className.replace("language-math-", ""),
    code.getAttribute("title")?.trim(),
  ]);

describe("formulas", () => {
  test.each([
    ["the area is $x^2$.", [["inline", "x^2"]]],
    [String.raw`so \(a_i * b_i\) it is`, [["inline", "a_i * b_i"]]],
    ["$$\na = 1\n\n- b\n$$", [["block", "a = 1\n\n- b"]]],
    [String.raw`\[\frac{1}{2}\]`, [["block", String.raw`\frac{1}{2}`]]],
    ["it costs $5 and $10", []],
    ["between $5-$10", []],
    ["`$x$` and $HOME/bin:$PATH", []],
    ["```sh\necho $a $b$\n```", []],
    [String.raw`escaped \$x$`, []],
  ])("are found in %j", (text, formulas) => {
    expect(found(text)).toEqual(formulas);
  });

  test("are asked of the kernel once, when a message has some, and shown in place", async () => {
    const fetch = vi.fn(async () => ({ type: "piece", size: 1, data: new Uint8Array(1) }));
    const formulas = new Formulas(
      { fetch } as unknown as Client,
      makeMathPurifier(page),
      async () => renderTex,
    );
    const plain = render("no formula");
    await formulas.show(plain);
    expect(fetch).not.toHaveBeenCalled();
    const box = render("one $x^2$ and $y_1$");
    await formulas.show(box);
    expect(fetch).toHaveBeenCalledExactlyOnceWith({ module: "math" }, 0);
    expect(box.querySelectorAll("math")).toHaveLength(2);
    expect(box.querySelector("msup")?.textContent).toBe("x2");
    await formulas.show(render("$z$"));
    expect(fetch).toHaveBeenCalledOnce();
  });

  test("stay as they were written where the module does not come, and are asked for again", async () => {
    const fetch = vi.fn(async () => null);
    const formulas = new Formulas({ fetch } as unknown as Client, makeMathPurifier(page));
    for (const times of [1, 2]) {
      const box = render("one $x^2$");
      await formulas.show(box);
      expect(box.textContent?.trim()).toBe("one $x^2$");
      expect(fetch).toHaveBeenCalledTimes(times);
    }
  });

  test.each([
    String.raw`\href{javascript:alert(1)}{x}`,
    String.raw`\includegraphics{http://x/p.png}`,
    String.raw`\htmlStyle{position:fixed}{x}`,
    String.raw`\text{<img src=x onerror=alert(1)>}`,
    String.raw`\def\a{\a\a}\a`,
    "\\frac{",
  ])("neither run nor ask for anything: %j", async (tex) => {
    const box = document.createElement("div");
    box.append(makeMathPurifier(page)(renderTex(tex, false)));
    expect(box.querySelector("img, a, script, mglyph, iframe")).toBeNull();
    for (const item of box.querySelectorAll("*")) {
      expect(item.getAttributeNames().filter((name) => /^on|href|src|^class$|^id$/.test(name))).toEqual([]);
      expect(item.getAttribute("style") ?? "color").toContain("color");
    }
  });
});

describe("what else people write", () => {
  test("a part that folds has its summary and its Markdown", () => {
    const box = render(
      "before\n\n<details>\n<summary>The *log*</summary>\n\n- one\n- two\n\n</details>\n\nafter",
    );
    expect(box.querySelector("details > summary em")?.textContent).toBe("log");
    expect(box.querySelectorAll("details li")).toHaveLength(2);
    expect(box.querySelector("details")?.textContent).not.toContain("after");
  });

  test("a footnote is marked, and stands under its mark's name", () => {
    const box = render("As shown[^1] before.\n\n[^1]: In *this* paper.");
    expect([...box.querySelectorAll("sup")].map((mark) => mark.textContent)).toEqual(["1", "1"]);
    expect(box.querySelectorAll("p")[1]?.textContent).toBe("1 In this paper.");
  });
});
