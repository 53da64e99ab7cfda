import { choose, type Draft, plainLabel, replaceAt, takesText } from "../answer";
import { escapeInvisible } from "../invisible";
import type { Message } from "../model.gen";
import type { Question } from "../protocol";
import { useUid, useView } from "../view";
import { Hits } from "./Hits";
import { TextBox } from "./TextBox";

interface Props {
  readonly message: Message;
  readonly draft: Draft;
  readonly locked: boolean;
  onDraft(change: Partial<Draft>): void;
  onSubmit(): void;
}

/** The structured questions of a message, each with its options and a text box where it takes text. */
export function Choices({ message, draft, locked, onDraft, onSubmit }: Props) {
  const { t } = useView();
  return (
    <>
      {message.options.map((question, index) => (
        <fieldset key={index} class="imc-choices" disabled={locked}>
          <legend dir="auto">
            {question.header && question.header !== question.question && (
              <bdi class="imc-choice-head">{escapeInvisible(question.header)}</bdi>
            )}{" "}
            <Hits text={question.question || question.header} />
          </legend>
          <Options
            question={question}
            chosen={draft.chosen[index] ?? []}
            onChosen={(labels) => onDraft({ chosen: replaceAt(draft.chosen, index, labels, []) })}
          />
          {takesText(question) && (
            <TextBox
              name={t("yourAnswer")}
              placeholder={t(question.options.length ? "customPlaceholder" : "answerPlaceholder")}
              value={draft.typed[index] ?? ""}
              readOnly={locked}
              onInput={(text) => onDraft({ typed: replaceAt(draft.typed, index, text, "") })}
              onSubmit={onSubmit}
            />
          )}
        </fieldset>
      ))}
    </>
  );
}

interface OptionsProps {
  readonly question: Question;
  readonly chosen: readonly string[];
  onChosen(labels: readonly string[]): void;
}

function Options({ question, chosen, onChosen }: OptionsProps) {
  const group = useUid();
  const pick = (label: string) => onChosen(choose(question, chosen, label));
  return (
    <>
      {question.options.map(({ label, description }, place) => {
        const id = `${group}-${place}`;
        const on = chosen.includes(label);
        return (
          <div key={label} class="imc-choice">
            <input
              id={id}
              type={question.multiple ? "checkbox" : "radio"}
              name={group}
              checked={on}
              aria-describedby={description ? `${id}-about` : undefined}
              onChange={() => {
                if (!on) pick(label);
                else if (question.multiple) pick(label);
              }}
              onClick={() => {
                // A radio that is on gives no change event, and a choice must be free to take back.
                if (on && !question.multiple) pick(label);
              }}
            />
            <label for={id}>
              <bdi>
                <Hits text={plainLabel(label)} />
              </bdi>
              {plainLabel(label) !== label && (
                <span class="imc-recommended" aria-hidden="true">
                  ★
                </span>
              )}
            </label>
            {description && (
              <span id={`${id}-about`} class="imc-dim" dir="auto">
                {escapeInvisible(description)}
              </span>
            )}
          </div>
        );
      })}
    </>
  );
}
