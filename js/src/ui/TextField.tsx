import type { Signal } from "@preact/signals";
import type { ComponentChildren, InputHTMLAttributes } from "preact";

type Passed =
  | "dir"
  | "inputMode"
  | "spellcheck"
  | "placeholder"
  | "disabled"
  | "aria-describedby"
  | "aria-invalid";

interface Props extends Pick<InputHTMLAttributes<HTMLInputElement>, Passed> {
  readonly label: ComponentChildren;
  /** What is typed. */
  readonly value: Signal<string>;
  /** Whether it is shown as dots. */
  readonly secret?: boolean;
  readonly onChange?: () => void;
  readonly children?: ComponentChildren;
}

/** A line of text under its name; what stands inside comes below it. */
export function TextField({ label, value, secret = false, children, ...rest }: Props) {
  return (
    <label>
      <span>{label}</span>
      <input
        class="imc-input"
        {...(secret ? ({ type: "password" } as const) : ({ type: "text" } as const))}
        autocomplete="off"
        {...rest}
        value={value.value}
        onInput={(event) => {
          value.value = event.currentTarget.value;
        }}
      />
      {children}
    </label>
  );
}
