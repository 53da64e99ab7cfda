/** Whole texts of messages of which the browser has only the beginning, fetched when somebody wants to see them. */
import { type Signal, signal } from "@preact/signals";
import type { Client } from "./client";
import type { Message } from "./model.gen";
import { download } from "./transfer";

/** Characters; what is longer is saved as a file, no card could show it. */
export const SHOWN_MAX = 500_000;
/** How many of them are kept. */
const KEPT = 20;

/** Whether the browser has only the beginning of a message's text. */
export const isCut = (message: Message): boolean => message.length > 0;

export class WholeTexts {
  private readonly texts = new Map<string, Signal<string>>();

  constructor(private readonly client: Client) {}

  /** What there is of a message's text: the beginning, or all of it once it was fetched. */
  text(message: Message): string {
    return (isCut(message) && this.of(message.id).value) || message.text;
  }

  /** Fetches the whole text as a file; a string says why not, null that the kernel is silent. */
  async file(message: Message): Promise<Blob | string | null> {
    if (!isCut(message)) return new Blob([message.text]);
    return download(this.client, { message_id: message.id, text: true }, "text/plain");
  }

  /** Fetches the whole text to be shown; returns "", or why it is not there, null when the kernel is silent. */
  async show(message: Message): Promise<string | null> {
    const got = await this.file(message);
    if (!(got instanceof Blob)) return got;
    this.of(message.id).value = await got.text();
    return "";
  }

  private of(id: string): Signal<string> {
    const text = this.texts.get(id) ?? signal("");
    this.texts.delete(id);
    this.texts.set(id, text);
    const [oldest] = this.texts.keys();
    if (this.texts.size > KEPT && oldest) this.texts.delete(oldest);
    return text;
  }
}
