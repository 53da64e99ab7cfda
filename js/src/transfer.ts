/** Large things in pieces: a websocket of Jupyter breaks on a large message. */
import type { Client } from "./client";
import type { Source } from "./protocol";

/** Bytes; the kernel's limit for one piece. */
export const PIECE = 2 ** 20;
/** Bytes; the kernel's limit for one file. */
export const FILE_MAX = 20 * 2 ** 20;

/** Hands a file to the kernel; returns "" or why it did not work, null when the kernel is silent. */
export async function upload(
  client: Client,
  id: string,
  file: File,
  onProgress: (sent: number) => boolean,
): Promise<string | null> {
  const about = { upload: id, name: file.name, mime_type: file.type, size: file.size };
  let offset = 0;
  do {
    let piece: ArrayBuffer;
    try {
      piece = await file.slice(offset, offset + PIECE).arrayBuffer();
    } catch (error) {
      // The file changed or went away since it was chosen.
      return error instanceof Error ? error.message : `${error}`;
    }
    const refused = await client.upload({ ...about, offset }, piece);
    if (refused !== "") return refused;
    offset += piece.byteLength;
    if (!onProgress(offset)) return "";
  } while (offset < file.size);
  return "";
}

/** Fetches a whole thing as a blob; a string says why not, null that the kernel is silent. */
export async function download(client: Client, source: Source, type: string): Promise<Blob | string | null> {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let offset = 0;
  for (;;) {
    const piece = await client.fetch(source, offset);
    if (piece === null || typeof piece === "string") return piece;
    pieces.push(piece.data);
    offset += piece.data.byteLength;
    if (offset >= piece.size || piece.data.byteLength === 0) return new Blob(pieces, { type });
  }
}

/** What is not for every page: the kernel hands it over when it is first wanted. */
export class Module<T> {
  private coming: Promise<T | null> | null = null;

  /** @param read makes what it is of its text. */
  constructor(
    private readonly client: Client,
    private readonly module: Extract<Source, { module: unknown }>["module"],
    private readonly type: string,
    private readonly read: (text: Blob) => Promise<T>,
  ) {}

  /** Null where it does not come, or a page forbids it: who wants it next asks again. */
  get(): Promise<T | null> {
    this.coming ??= this.fetch();
    return this.coming;
  }

  private async fetch(): Promise<T | null> {
    try {
      const text = await download(this.client, { module: this.module }, this.type);
      if (text instanceof Blob) return await this.read(text);
    } catch {
      // There is something to show without it.
    }
    this.coming = null;
    return null;
  }
}

/** Offers a blob under a name. Its type is neutral, so that no browser opens it in place of saving it. */
export function save(blob: Blob, name: string, near: Element): void {
  const doc = near.ownerDocument;
  const url = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
  const link = doc.createElement("a");
  link.href = url;
  link.download = name;
  (near.closest(".imc-root") ?? doc.body).append(link);
  link.click();
  link.remove();
  // The browser has taken hold of it by then.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
