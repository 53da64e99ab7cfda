// @vitest-environment node
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Client } from "../src/client";
import { download, FILE_MAX, PIECE } from "../src/transfer";
import { Uploads } from "../src/uploads";

type Sent = Record<string, unknown>;
let sent: { frame: Sent; buffers: ArrayBuffer[] | undefined }[];
let client: Client;
let files: Uploads;
let now: number;

const frames = (type: string) => sent.filter(({ frame }) => frame.type === type);
const settle = () => new Promise((resolve) => setTimeout(resolve, 5));
const answer = async (change: object = {}) => {
  const ref = sent.at(-1)?.frame.ref;
  client.receive({ type: "result", client: client.name, ref, ok: true, error: "", value: null, ...change });
  await settle();
};
const states = () => files.of("m").map(({ state, sent: bytes }) => `${state} ${bytes}`);

beforeEach(() => {
  sent = [];
  now = 0;
  client = new Client((frame, buffers) => void sent.push({ frame: frame as Sent, buffers }));
  files = new Uploads(client, () => now);
});
afterEach(() => client.close());

test("a file goes in pieces, the next one only when the last is known to be there", async () => {
  files.add("m", [new File([new Uint8Array(PIECE + 5)], "a.bin")]);
  await settle();
  expect(frames("upload").map(({ frame, buffers }) => [frame.offset, buffers?.[0]?.byteLength])).toEqual([
    [0, PIECE],
  ]);
  expect(states()).toEqual(["moving 0"]);
  await answer();
  expect(states()).toEqual([`moving ${PIECE}`]);
  expect(frames("upload").map(({ frame }) => frame.offset)).toEqual([0, PIECE]);
  await answer();
  expect(states()).toEqual([`ready ${PIECE + 5}`]);
});

test("an empty file is a file", async () => {
  files.add("m", [new File([], "empty")]);
  await settle();
  await answer();
  expect(states()).toEqual(["ready 0"]);
});

test("a refused file says why, and removing it tells the kernel", async () => {
  files.add("m", [new File(["x"], "a")]);
  await settle();
  await answer({ ok: false, error: "too much" });
  expect(files.of("m")[0]?.error).toBe("too much");
  files.remove("m", files.of("m")[0]?.id ?? "");
  expect(frames("forget")).toHaveLength(1);
  expect(states()).toEqual([]);
});

test("a file that is removed on its way is not sent on", async () => {
  files.add("m", [new File([new Uint8Array(3 * PIECE)], "a")]);
  await settle();
  files.remove("m", files.of("m")[0]?.id ?? "");
  client.receive({
    type: "result",
    client: client.name,
    ref: frames("upload")[0]?.frame.ref,
    ok: true,
    error: "",
    value: null,
  });
  await settle();
  expect(frames("upload")).toHaveLength(1);
});

test("what is too large is left out and named", () => {
  const large = new File([], "large");
  Object.defineProperty(large, "size", { value: FILE_MAX + 1 });
  expect(files.add("m", [large])).toEqual([large]);
  expect(sent).toEqual([]);
});

test("a file the kernel may have dropped is handed over again before it is sent", async () => {
  files.add("m", [new File(["x"], "a")]);
  await settle();
  await answer();
  expect(await files.refresh("m")).toBe(true);
  now = 9 * 60_000 + 1;
  const fresh = files.refresh("m");
  await settle();
  expect(frames("upload")).toHaveLength(2);
  await answer();
  expect(await fresh).toBe(true);
});

test("a tab that goes tells the kernel only when there is something to forget", async () => {
  files.drop();
  expect(sent).toEqual([]);
  files.add("m", [new File(["x"], "a")]);
  files.drop();
  expect(frames("forget")[0]?.frame.uploads).toBeNull();
});

test("a download is put together from its pieces, or says why there is none", async () => {
  const piece = async (bytes: number[], size: number) => {
    const ref = sent.at(-1)?.frame.ref;
    client.receive({ type: "piece", client: client.name, ref, size }, [
      new DataView(new Uint8Array(bytes).buffer),
    ]);
    await settle();
  };
  const got = download(client, { message_id: "m", attachment: 0 }, "image/png");
  await piece([1, 2], 3);
  expect(frames("fetch").map(({ frame }) => frame)).toMatchObject([
    { message_id: "m", attachment: 0, offset: 0 },
    { message_id: "m", attachment: 0, offset: 2 },
  ]);
  await piece([3], 3);
  const blob = (await got) as Blob;
  expect([blob.size, blob.type]).toEqual([3, "image/png"]);
  const none = download(client, { message_id: "m", attachment: 9 }, "");
  await answer({ ok: false, error: "not there" });
  expect(await none).toBe("not there");
});

test("a piece without its bytes is not taken for one", async () => {
  vi.useFakeTimers();
  const got = download(client, { export: true }, "");
  client.receive({ type: "piece", client: client.name, ref: sent.at(-1)?.frame.ref, size: 3 }, []);
  vi.advanceTimersByTime(60_000);
  expect(await got).toBeNull();
  vi.useRealTimers();
});
