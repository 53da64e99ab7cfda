import { describe, expect, test } from "vitest";
import { markHits, splitHits } from "../src/hits";
import { pending } from "./helpers";
import { settle, usePage } from "./page";

const page = usePage();

describe("what a search finds", () => {
  test.each([
    ["Paint the bike", "BIKE", ["Paint the ", "bike", ""]],
    ["aXaxa", "x", ["a", "X", "a", "x", "a"]],
    ["nothing", " ", ["nothing"]],
    ["İstanbul", "stan", ["İstanbul"]],
  ])("is split out of %j", (text, search, parts) => {
    expect(splitHits(text, search)).toEqual(parts);
  });

  test("is marked in text, and in nothing else", () => {
    const box = document.createElement("div");
    box.innerHTML = '<p title="bike">a <b>bike</b> and bikes</p>';
    markHits(box, "bike");
    expect(box.innerHTML).toBe('<p title="bike">a <b><mark>bike</mark></b> and <mark>bike</mark>s</p>');
  });

  test("is counted, and marked in option labels, too", async () => {
    const option = (label: string) => ({ label, description: "" });
    const asked = { question: "Which?", header: "", multiple: false, custom: false };
    const options = [{ ...asked, options: [option("Parquet"), option("CSV")] }];
    await page.open([pending(1, { options }), pending(2)]);
    await page.type(page.named<HTMLInputElement>("Search messages"), "parq");
    await new Promise((resolve) => setTimeout(resolve, 250));
    await settle();
    const request = page.kernel.sent.find((frame) => frame.type === "page");
    expect(request?.filter).toEqual({ search: "parq" });
    page.kernel.tell({
      type: "page",
      client: page.kernel.client,
      ref: request?.ref,
      messages: [],
      more: false,
    });
    await settle();
    expect([...page.host.querySelectorAll("mark")].map((mark) => mark.textContent)).toEqual(["Parq"]);
    expect(page.find(".imc-found")?.textContent).toBe("1 found");
  });
});
