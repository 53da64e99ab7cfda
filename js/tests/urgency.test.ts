import { describe, expect, test } from "vitest";
import { byUrgency, firstLine, likeness, projectName } from "../src/urgency";
import { message } from "./helpers";

describe("a request in one line", () => {
  test.each([
    ["\n\n## Plan\n\n- go **first**", "Plan – go first"],
    ["Shall I delete `my_file_name`, _please_?", "Shall I delete my_file_name, please?"],
    ["> quoted\nmore", "quoted"],
    ["```sh\nmake\n```", "make"],
    ["", ""],
  ])("of %j reads %j", (text, line) => {
    expect(firstLine(message(1, { text }))).toBe(line);
  });

  test("calls a project by its last part", () => {
    expect(["/srv/api/", "C:\\work\\etl", "api", ""].map(projectName)).toEqual(["api", "etl", "api", ""]);
  });
});

test("the least time left comes first, then the oldest", () => {
  const [old, late, soon] = [message(1), message(2, { deadline: 9 }), message(3, { deadline: 5 })];
  expect([old, late, soon, message(4)].sort(byUrgency).map(({ id }) => id)).toEqual(["m3", "m2", "m1", "m4"]);
});

test("plain questions and reports are alike, structured ones only with the same questions", () => {
  const options = [{ question: "Which?", header: "", multiple: false, custom: false, options: [] }];
  expect(likeness(message(1))).toBe(likeness(message(2, { kind: "report" })));
  expect(likeness(message(1, { options }))).toBe(likeness(message(2, { options })));
  expect(likeness(message(1, { options }))).not.toBe(likeness(message(2)));
});
