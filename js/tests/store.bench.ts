import { bench, describe } from "vitest";
import { fits, makeSearch, NO_FILTER } from "../src/feed";
import type { Page, Patch } from "../src/protocol";
import { refilter } from "../src/sorted";
import { applyPage, applyPatch, EMPTY_LOG, type Log } from "../src/store";
import { message, patch } from "./helpers";

const SIZE = 100_000;
const messages = Array.from({ length: SIZE }, (_, n) => message(n, { text: `message ${n} `.repeat(20) }));
const log: Log = { ...EMPTY_LOG, epoch: "e1", seq: 1, messages, more: true, completeFrom: [0, 0] };
const grown = (upsert: Patch["upsert"]) =>
  ({ ...patch(2, []), upsert, users: [], users_gone: [], user_count: null, conversations: null }) as Patch;
const page: Page = {
  type: "page",
  client: "c",
  ref: "1",
  messages: Array.from({ length: 500 }, (_, n) => message(-500 + n)),
  more: true,
};
const [newer] = applyPatch(log, grown([message(SIZE)]));
const holds = makeSearch("nowhere");

describe(`a window of ${SIZE.toLocaleString("en")} messages`, () => {
  bench("a patch with a new message", () => void applyPatch(log, grown([message(SIZE)])));
  bench("a patch that changes one in the middle", () => void applyPatch(log, grown([message(SIZE / 2)])));
  bench("a page of 500 older ones", () => void applyPage(log, log.completeFrom, page));
  bench("a search, the first time", () => void refilter([], [], messages, holds));
  bench("a search, after a patch", () => void refilter(messages, [], newer.messages, holds));
  bench("a filter by kind", () => {
    refilter([], [], messages, (item) => fits({ ...NO_FILTER, kind: "chat" }, item));
  });
});
