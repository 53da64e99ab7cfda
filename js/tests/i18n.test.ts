import { expect, test } from "vitest";
import { type Key, makeTranslate, pickLocale, type Vocabulary } from "../src/i18n";
import { en } from "../src/locales/en";
import chinese from "../src/locales/zh.json";

const vocabulary: Vocabulary = chinese;
const zh = vocabulary.words;
const holes = (text: string) => [...text.matchAll(/\{(\w+)!?\}/g)].map((match) => match[1]).sort();

test("Chinese has every key of English and no other", () => {
  expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
});

test.each(Object.keys(en) as Key[])("%s is not empty and takes the same values in both", (key) => {
  expect(zh[key].trim()).not.toBe("");
  expect(holes(zh[key])).toEqual(holes(en[key]));
});

test("the names that tests and screen readers look for stay as they are", () => {
  const t = makeTranslate("en");
  expect(t("statusBadge", { connected: 2, enabled: 3 })).toBe("2 of 3 servers connected");
  expect(t("questionFrom", { agent: "a", server: "Work" })).toBe("Question from a on Work");
  expect(t("reportFrom", { agent: "a", server: "Work" })).toBe("Report from a on Work");
  expect(t("chatWith", { nickname: "ada", server: "Work" })).toBe("Chat with ada@Work");
});

test("a value that looks like a pattern is put in as it is", () => {
  expect(makeTranslate("en")("edit", { server: "$& {n}" })).toBe("Edit $& {n}");
});

test.each([
  ["auto", ["zh-CN", "en"], "zh"],
  ["auto", ["de", "zh-TW"], "zh"],
  ["auto", ["de"], "en"],
  ["auto", [], "en"],
  ["en", ["zh-CN"], "en"],
] as const)("%s with a browser in %j is %s", (language, browser, locale) => {
  expect(pickLocale(language, browser)).toBe(locale);
});

test("until another language has come, it is English, and times are written in English as well", () => {
  const t = makeTranslate("zh");
  expect([t("send"), t.locale]).toEqual(["Send", "en"]);
});

test.each(Object.entries(vocabulary.sentences))("%s takes its values once each", (form, words) => {
  const count = form.split("{}").length - 1;
  expect(holes(words)).toEqual(Array.from({ length: count }, (_, n) => `${n + 1}`));
});

const said = makeTranslate("zh", vocabulary).said;

test.each([
  ["no server Lab; there are: Work", "没有服务器 Lab；现有：Work"],
  ["the server closed the connection: come back (later)", "服务器关闭了连接：come back (later)"],
  ["the server refused the login: no reason given", "服务器拒绝登录：没有说明原因"],
  [
    "'http://a' is no server address: it must start with ws:// or wss://, like 'ws://a'",
    "'http://a' 不是服务器地址：必须以 ws:// 或 wss:// 开头，例如 'ws://a'",
  ],
  ["ada has left; it may have arrived", "ada 已离开；可能已经送达"],
  [
    "connections broke and were made anew: the machine slept for 90 s",
    "连接中断后已重新建立：电脑曾休眠 90 秒",
  ],
  ["the server refused the login: gone for lunch so wait", "服务器拒绝登录：gone for lunch so wait"],
  ["the server closed the connection: back for tea s", "服务器关闭了连接：back for tea s"],
  ["constructor", "constructor"],
  ["something else {}", "something else {}"],
  ["", ""],
])("%s, which the kernel says, is said in Chinese where it is known", (text, chineseText) => {
  expect(said(text)).toBe(chineseText);
  expect(makeTranslate("en").said(text)).toBe(text);
});
