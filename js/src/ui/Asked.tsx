import { answersIn, labelsIn, plainLabel } from "../answer";
import { escapeInvisible } from "../invisible";
import type { Message } from "../model.gen";
import type { Question } from "../protocol";
import { useFlag, useView } from "../view";

/** The structured questions of a message that is over, each with what was answered; all options on a click. */
export function Asked({ message }: { message: Message }) {
  const { t } = useView();
  const [open, toggle] = useFlag("parts", message.id);
  const answers = answersIn(message.options, message.reply?.text ?? "");
  return (
    <div class="imc-asked">
      {message.options.map((question, index) => (
        <div key={index}>
          <p class="imc-asked-question" dir="auto">
            {question.header && question.header !== question.question && (
              <bdi class="imc-choice-head">{escapeInvisible(question.header)}</bdi>
            )}{" "}
            {escapeInvisible(question.question || question.header)}
          </p>
          {open && <Offered question={question} answer={answers?.[index] ?? ""} />}
          {answers?.[index] && (
            <p class="imc-asked-answer" dir="auto">
              ✓ {escapeInvisible(answers[index])}
            </p>
          )}
        </div>
      ))}
      <button type="button" class="imc-link" aria-expanded={open} onClick={toggle}>
        {t(open ? "hideOptions" : "showOptions")}
      </button>
    </div>
  );
}

function Offered({ question, answer }: { question: Question; answer: string }) {
  const chosen = labelsIn(question, answer);
  return (
    // biome-ignore lint/a11y/noRedundantRoles: without a marker some browsers drop the list role
    <ul role="list" class="imc-plain imc-offered">
      {question.options.map(({ label, description }) => (
        <li key={label}>
          <span aria-hidden="true">{chosen.includes(label) ? "●" : "○"}</span>{" "}
          <bdi>{escapeInvisible(plainLabel(label))}</bdi>
          {description && <span class="imc-dim"> {escapeInvisible(description)}</span>}
        </li>
      ))}
    </ul>
  );
}
