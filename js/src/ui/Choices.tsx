import type { Signal } from "@preact/signals";
import { choose, type Draft, plainLabel, replaceAt, takesText } from "../answer";
import type { Message, Question } from "../protocol";
import { reveal } from "../reveal";
import { useUid, useView } from "../view";
import { TextBox } from "./TextBox";

interface Props {
  readonly message: Message;
  readonly draft: Signal<Draft>;
  readonly locked: boolean;
  onSubmit(): void;
}

export function Choices({ message, draft, locked, onSubmit }: Props) {
  const { t } = useView();
  return (
    <>
      {message.questions.map((question, index) => (
        <fieldset key={index} class="imc-choices" disabled={locked}>
          <legend dir="auto">
            {question.header && question.header !== question.question && (
              <bdi class="imc-choice-head">{reveal(question.header)}</bdi>
            )}{" "}
            {reveal(question.question || question.header)}
          </legend>
          <Options question={question} index={index} draft={draft} />
          {takesText(question) && (
            <TextBox
              name={t("yourAnswer")}
              placeholder={t(question.options.length ? "customPlaceholder" : "answerPlaceholder")}
              value={draft.value.typed[index] ?? ""}
              readOnly={locked}
              onInput={(text) => {
                draft.value = { ...draft.value, typed: replaceAt(draft.value.typed, index, text, "") };
              }}
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
  readonly index: number;
  readonly draft: Signal<Draft>;
}

function Options({ question, index, draft }: OptionsProps) {
  const group = useUid();
  const chosen = draft.value.chosen[index] ?? [];
  const pick = (label: string) => {
    const next = choose(question, chosen, label);
    draft.value = { ...draft.value, chosen: replaceAt(draft.value.chosen, index, next, []) };
  };
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
              <bdi>{reveal(plainLabel(label))}</bdi>
              {plainLabel(label) !== label && (
                <span class="imc-recommended" aria-hidden="true">
                  ★
                </span>
              )}
            </label>
            {description && (
              <span id={`${id}-about`} class="imc-dim" dir="auto">
                {reveal(description)}
              </span>
            )}
          </div>
        );
      })}
    </>
  );
}
