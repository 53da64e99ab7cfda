import { argumentRows, type DiffLine, diffLines } from "../approval";
import { escapeInvisible } from "../invisible";
import type { Message } from "../model.gen";
import { useFlag, useView } from "../view";
import { Prose } from "./Body";

/** Characters of a value, and lines of one, that are shown unfolded. */
const VALUE_MAX = 200;
const VALUE_LINES = 8;
const BEGINNING = 80;
const DIFF_LINES = 40;
/** Further lines are one text: a row for each would hold the page up. */
const DIFF_ROWS_MAX = 2_000;

const SIGNS = { added: "+", removed: "-", context: "", head: "" } as const;
const TAGS = { added: "ins", removed: "del", context: "span", head: "span" } as const;

/** What is to be allowed; once that is decided, the rest of it is a click away. */
export function ApprovalParts({ message, settled }: { message: Message; settled: boolean }) {
  const { t } = useView();
  const [open, toggle] = useFlag("parts", message.id);
  const { approval } = message;
  if (!approval) return null;
  const more = Boolean(approval.arguments || approval.diff);
  return (
    <>
      {approval.action && <Prose id={message.id} text={approval.action} raw={false} />}
      {approval.tool_name && (
        <span class="imc-tool">
          <span class="imc-dim">{t("tool")}</span> <code>{escapeInvisible(approval.tool_name)}</code>
        </span>
      )}
      {settled && more && (
        <button type="button" class="imc-link imc-more" aria-expanded={open} onClick={toggle}>
          {t(open ? "showLess" : "showMore")}
        </button>
      )}
      {(open || !settled) && approval.arguments && <Arguments text={approval.arguments} />}
      {(open || !settled) && approval.diff && <Diff id={message.id} diff={approval.diff} />}
    </>
  );
}

function Arguments({ text }: { text: string }) {
  const { t } = useView();
  const rows = argumentRows(text);
  if (rows?.length === 0) return null;
  if (!rows) {
    return (
      <section class="imc-arguments" aria-label={t("arguments")}>
        <Value text={text} />
      </section>
    );
  }
  return (
    <table class="imc-arguments" aria-label={t("arguments")}>
      <tbody>
        {rows.map(([name, value]) => (
          <tr key={name}>
            <th scope="row">
              <bdi>{escapeInvisible(name)}</bdi>
            </th>
            <td>
              <Value text={value} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Value({ text }: { text: string }) {
  const shown = escapeInvisible(text);
  if (shown.length <= VALUE_MAX && shown.split("\n").length <= VALUE_LINES) {
    return <span class="imc-value">{shown}</span>;
  }
  return (
    <details>
      <summary>{shown.slice(0, BEGINNING).split("\n")[0]}…</summary>
      <span class="imc-value">{shown}</span>
    </details>
  );
}

function Diff({ id, diff }: { id: string; diff: string }) {
  const { t } = useView();
  const [open, toggle] = useFlag("diff", id);
  const lines = diffLines(diff);
  const rows = lines.slice(0, open ? DIFF_ROWS_MAX : DIFF_LINES);
  const rest = open ? diff.split("\n").slice(DIFF_ROWS_MAX).join("\n") : "";
  return (
    <>
      <section class="imc-diff" aria-label={t("change")} dir="ltr">
        {rows.map((line, index) => (
          <Line key={index} line={line} />
        ))}
        {rest && <Line line={{ kind: "head", text: rest }} />}
      </section>
      {lines.length > DIFF_LINES && (
        <button type="button" class="imc-link imc-more" aria-expanded={open} onClick={toggle}>
          {open ? t("showLess") : t("showMoreLines", { n: lines.length - DIFF_LINES })}
        </button>
      )}
    </>
  );
}

function Line({ line: { kind, text } }: { line: DiffLine }) {
  const Tag = TAGS[kind];
  return (
    <Tag class={`imc-diff-line imc-diff-${kind}`}>
      <span class="imc-diff-sign" aria-hidden="true">
        {SIGNS[kind]}
      </span>
      <span class="imc-diff-text">{escapeInvisible(text)}</span>
    </Tag>
  );
}
