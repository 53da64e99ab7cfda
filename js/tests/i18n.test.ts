import { expect, test } from "vitest";
import { type Key, LOCALES, makeTranslate, pickLocale } from "../src/i18n";

const { en, zh } = LOCALES;
const holes = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

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
