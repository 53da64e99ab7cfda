/**
 * Markdown from agents and strangers to DOM nodes that can neither run anything nor ask anything of the network.
 * Raw HTML is shown as the text it is; remote images become links; what is left passes an allow list.
 */
import createDOMPurify, { type DOMPurify } from "dompurify";
import { Marked, type Tokens } from "marked";

const TAGS = [
  ..."a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i img li ol p pre s strong".split(" "),
  ..."table tbody td th thead tr ul #text".split(" "),
];
const ATTRIBUTES = ["align", "alt", "class", "href", "src", "start", "title"];
const LINK = /^(?:https?:\/\/|mailto:)/i;
/** The only images that need no request. SVG is left out: it is a document, not a picture. */
const INLINE_IMAGE = /^data:image\/(?:png|jpeg|gif|webp);base64,[a-z\d+/=\s]+$/i;
const CACHE_MAX = 300;

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);

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
