import { describe, expect, test } from "vitest";
import { makeMarkdown } from "../src/markdown";

const markdown = makeMarkdown(window as unknown as Window & typeof globalThis);
function render(text: string): HTMLElement {
  const box = document.createElement("div");
  box.append(markdown(text));
  return box;
}

const PIXEL = "data:image/png;base64,iVBORw0KGgo=";

describe("Markdown", () => {
  test.each([
    ["a script", "<script>alert(1)</script>"],
    ["an event handler", '<img src=x onerror="alert(1)">'],
    ["an svg", "<svg onload=alert(1)><a xlink:href='javascript:alert(1)'>x</a></svg>"],
    ["a style", "<style>*{background:url(http://x)}</style>"],
    ["a style attribute", '<p style="background:url(http://x)">hi</p>'],
    ["a frame", '<iframe src="http://x"></iframe>'],
    ["a form", '<form action="http://x"><input name=a></form>'],
    ["math", "<math><mtext><img src=x onerror=alert(1)></mtext></math>"],
    ["a raw remote image", '<img src="http://x/p.png" srcset="http://x/q.png">'],
    ["a video", '<video src="http://x" poster="http://x"></video>'],
    ["a broken tag", "<img src=x onerror=alert(1)//"],
    ["a base", '<base href="http://x">'],
    ["a link sheet", '<link rel=stylesheet href="http://x">'],
  ])("shows %s as the text it is", (_name, text) => {
    const box = render(text);
    expect(
      box.querySelector("script,svg,style,iframe,form,input,math,img,video,base,link,object"),
    ).toBeNull();
    for (const element of box.querySelectorAll("*")) {
      expect(element.getAttributeNames().filter((name) => /^on|^style$|^srcset$/.test(name))).toEqual([]);
    }
    expect(box.textContent).toContain("<");
  });

  test.each([
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](data:text/html,<b>)",
    "[x](vbscript:x)",
    "[x](file:///etc/passwd)",
    "[x](/api/kernels)",
    "[x](//host/path)",
    "[x](#top)",
    "[x](blob:abc)",
    "[x](ftp://host/file)",
    "[x](tel:123)",
  ])("leaves no address in %s", (text) => {
    expect(render(text).querySelector("[href], [src]")).toBeNull();
  });

  test.each(["https://a.example/x?y=1", "http://a.example", "mailto:a@b.example"])(
    "links %s safely",
    (url) => {
      const link = render(`[go](${url})`).querySelector("a");
      expect(link?.getAttribute("href")).toBe(url);
      expect(link?.target).toBe("_blank");
      expect(link?.rel).toBe("noopener noreferrer");
    },
  );

  test("makes a remote image a link, so that nothing is asked of the network", () => {
    const box = render("![chart](https://a.example/p.png)");
    expect(box.querySelector("img")).toBeNull();
    expect(box.querySelector("a")?.getAttribute("href")).toBe("https://a.example/p.png");
    expect(box.textContent).toContain("chart");
  });

  test("shows a picture that came with the text, but no svg", () => {
    expect(render(`![p](${PIXEL})`).querySelector("img")?.getAttribute("src")).toBe(PIXEL);
    expect(render("![p](data:image/svg+xml;base64,PHN2Zz4=)").querySelector("img, [href]")).toBeNull();
  });

  test("lets no class of the host page in", () => {
    const box = render("```py\nx = 1\n```\n\n<div class='jp-Dialog' id='main'>x</div>");
    expect(box.querySelector("code")?.className).toBe("language-py");
    expect(box.querySelector("[id], .jp-Dialog")).toBeNull();
  });

  test("draws emphasis, lists, tables, code, tasks and single line breaks", () => {
    const box = render("**a**\nb\n\n- [x] done\n\n|h|\n|-|\n|c|\n\n```\ncode\n```");
    for (const tag of ["strong", "br", "li", "table", "pre > code"])
      expect(box.querySelector(tag), tag).not.toBeNull();
    expect(box.textContent).toContain("☑");
  });

  test("gives each caller nodes of its own", () => {
    expect(markdown("same").firstChild).not.toBe(markdown("same").firstChild);
  });
});
