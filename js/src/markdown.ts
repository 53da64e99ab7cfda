/**
 * Markdown from agents and strangers to DOM nodes that can neither run anything nor ask anything of the network.
 * Raw HTML is shown as the text it is; remote images become links; what is left passes an allow list.
 */
import createDOMPurify, { type DOMPurify } from "dompurify";
import { Marked, type Tokens } from "marked";
import { escapeHtml, MORE } from "./markdown-more";

const TAGS = [
  ..."a b blockquote br code del details em h1 h2 h3 h4 h5 h6 hr i img li ol p pre s strong sub summary".split(
    " ",
  ),
  ..."sup table tbody td th thead tr ul #text".split(" "),
];
const ATTRIBUTES = ["align", "alt", "class", "href", "src", "start", "title"];
const LINK = /^(?:https?:\/\/|mailto:)/i;
/** The only images that need no request. SVG is left out: it is a document, not a picture. */
const INLINE_IMAGE = /^data:image\/(?:png|jpeg|gif|webp);base64,[a-z\d+/=\s]+$/i;
const CACHE_MAX = 300;

function makeParser(): Marked {
  const parser = new Marked({ gfm: true, breaks: true, async: false });
  parser.use({
    renderer: {
      html: ({ text }: Tokens.HTML | Tokens.Tag) => escapeHtml(text),
      image({ href, title, text }: Tokens.Image) {
        if (INLINE_IMAGE.test(href)) return `<img src="${escapeHtml(href)}" alt="${escapeHtml(text)}">`;
        const label = text || title || href;
        return `<a href="${escapeHtml(href)}" title="${escapeHtml(href)}">↗ ${escapeHtml(label)}</a>`;
      },
      checkbox: ({ checked }: Tokens.Checkbox) => (checked ? "☑ " : "☐ "),
    },
  });
  parser.use(MORE);
  return parser;
}

function makePurifier(window: Window & typeof globalThis): DOMPurify {
  const purifier = createDOMPurify(window);
  purifier.addHook("uponSanitizeAttribute", (_node, data) => {
    // Only the language of a code block may come in as a class: any other could pick up the host page's styles.
    if (data.attrName === "class" && !/^language-[\w+#.-]+$/.test(data.attrValue)) data.keepAttr = false;
  });
  purifier.addHook("afterSanitizeAttributes", (node) => {
    if (node.nodeName === "A") {
      if (LINK.test(node.getAttribute("href") ?? "")) {
        node.setAttribute("target", "_blank");
        node.setAttribute("rel", "noopener noreferrer");
      } else node.removeAttribute("href");
    }
    if (node.nodeName === "IMG" && !INLINE_IMAGE.test(node.getAttribute("src") ?? "")) node.remove();
  });
  return purifier;
}

/** MathML to nodes: elements of formulas only, and no styles but those that colour. */
export function makeMathPurifier(window: Window & typeof globalThis): (mathml: string) => DocumentFragment {
  const purifier = createDOMPurify(window);
  purifier.addHook("uponSanitizeAttribute", (_node, data) => {
    const isColour = /^(?:color|background-color):\s*[#\w]+;?$/.test(data.attrValue.trim());
    if (data.attrName === "style" && !isColour) data.keepAttr = false;
  });
  return (mathml) =>
    window.document.importNode(
      purifier.sanitize(mathml, {
        USE_PROFILES: { mathMl: true },
        ADD_ATTR: ["style"],
        FORBID_ATTR: ["href", "class", "id"],
        RETURN_DOM_FRAGMENT: true,
      }),
      true,
    );
}

export type RenderMarkdown = (text: string) => DocumentFragment;

/** A renderer of its own, with a cache: cards come and go as the list scrolls, their text does not change. */
export function makeMarkdown(window: Window & typeof globalThis): RenderMarkdown {
  const parser = makeParser();
  const purifier = makePurifier(window);
  const cache = new Map<string, DocumentFragment>();
  return (text) => {
    let fragment = cache.get(text);
    if (!fragment) {
      fragment = purifier.sanitize(parser.parse(text) as string, {
        ALLOWED_TAGS: TAGS,
        ALLOWED_ATTR: ATTRIBUTES,
        ALLOW_DATA_ATTR: false,
        ALLOW_ARIA_ATTR: false,
        RETURN_DOM_FRAGMENT: true,
      });
      cache.set(text, fragment);
      const oldest = cache.keys().next().value;
      if (cache.size > CACHE_MAX && oldest !== undefined) cache.delete(oldest);
    }
    return window.document.importNode(fragment, true);
  };
}
