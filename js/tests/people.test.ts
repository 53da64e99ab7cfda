import { describe, expect, test } from "vitest";
import { distinctPeers, earlierPeers } from "../src/people";

const ada = { server_id: "s1", nickname: "ada" };
const talk = (nickname: string, last: number, unread = 0, server_id = "s1") => ({
  server_id,
  nickname,
  unread,
  last,
});
const names = (people: readonly { nickname: string }[]) => people.map((item) => item.nickname).join(" ");

describe("people", () => {
  test("are listed once, however many windows they have open, and once per server", () => {
    const users = [ada, ada, { ...ada, server_id: "s2" }];
    expect(distinctPeers(users)).toHaveLength(2);
  });
});

describe("earlier conversations", () => {
  const many = Array.from({ length: 9 }, (_, n) => talk(`p${n}`, n));

  test("are those with people who have left, newest first, and only the last few", () => {
    expect(names(earlierPeers(many, [{ server_id: "s1", nickname: "p8" }], null))).toBe("p7 p6 p5 p4 p3");
  });

  test("include whatever has something unread, however old it is", () => {
    expect(names(earlierPeers([...many, talk("old", -1, 2)], [], null))).toBe("p8 p7 p6 p5 p4 old");
  });

  test("include the open one, known or not, and once", () => {
    expect(names(earlierPeers(many, [], { server_id: "s1", nickname: "p1" }))).toBe("p8 p7 p6 p5 p4 p1");
    expect(names(earlierPeers(many, [], { server_id: "s1", nickname: "p8" }))).toBe("p8 p7 p6 p5 p4");
    expect(names(earlierPeers([], [], ada))).toBe("ada");
  });

  test("leave out who is there, but not their namesake on another server", () => {
    expect(names(earlierPeers([talk("ada", 1), talk("ada", 2, 0, "s2")], [ada], ada))).toBe("ada");
  });
});
