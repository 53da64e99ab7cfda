import { escapeInvisible } from "../invisible";
import type { Rule } from "../protocol";
import { useView } from "../view";
import { useCommand } from "./useCommand";

/** What answers in the person's name: the handlers that code cells registered, each to be paused. */
export function Rules() {
  const { app, t } = useView();
  const rules = app.traits.rules.value;
  if (rules.length === 0) return null;
  return (
    // biome-ignore lint/a11y/noRedundantRoles: without a marker some browsers drop the list role
    <ul role="list" class="imc-plain imc-rules" aria-label={t("rules")}>
      {rules.map((rule) => (
        <RuleItem key={rule.id} rule={rule} />
      ))}
    </ul>
  );
}

function RuleItem({ rule }: { rule: Rule }) {
  const { t } = useView();
  const { error, run } = useCommand();
  return (
    <li class="imc-rule">
      <span class="imc-rule-name" title={`${rule.name}(${rule.wanted})`}>
        <bdi>{escapeInvisible(rule.name)}</bdi>{" "}
        <code class="imc-dim" dir="ltr">
          {escapeInvisible(rule.wanted)}
        </code>
      </span>
      <span class="imc-dim">{t("matched", { n: rule.matched })}</span>
      <label class="imc-row">
        {t("paused")}
        <span class="imc-switch">
          <input
            type="checkbox"
            role="switch"
            checked={rule.paused}
            aria-checked={rule.paused}
            onChange={(event) =>
              void run("pause_rule", { rule: rule.id, paused: event.currentTarget.checked })
            }
          />
          <span aria-hidden="true" />
        </span>
      </label>
      {error.value && (
        <span class="imc-error" role="alert">
          {error.value}
        </span>
      )}
    </li>
  );
}
