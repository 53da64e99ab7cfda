import { useLayoutEffect, useRef } from "preact/hooks";
import { useView } from "../view";

interface Props {
  readonly name: string;
  readonly value: string;
  readonly placeholder: string;
  readonly readOnly?: boolean;
  readonly disabled?: boolean;
  onInput(value: string): void;
  onSubmit(): void;
  onKey?(event: KeyboardEvent): void;
}

/** A text area as high as its text, that submits with the person's chosen key. */
export function TextBox({ name, value, placeholder, readOnly, disabled, onInput, onSubmit, onKey }: Props) {
  const { app } = useView();
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const element = area.current;
    // Where the stylesheet can do it, it does it better: it also follows the width.
    if (!element?.offsetParent || CSS.supports("field-sizing", "content")) return;
    element.style.height = "auto";
    const border = element.offsetHeight - element.clientHeight;
    element.style.height = `${element.scrollHeight + border}px`;
  }, [value]);

  const onKeyDown = (event: KeyboardEvent) => {
    onKey?.(event);
    // Enter also ends the composition of a Chinese or Japanese word.
    if (event.key !== "Enter" || event.isComposing || event.shiftKey || event.altKey) return;
    if (event.ctrlKey || event.metaKey || app.prefs.value.sendKey === "enter") {
      event.preventDefault();
      onSubmit();
    }
  };
  return (
    <textarea
      ref={area}
      class="imc-input imc-text"
      rows={1}
      dir="auto"
      aria-label={name}
      placeholder={placeholder}
      value={value}
      readOnly={readOnly}
      disabled={disabled}
      onInput={(event) => onInput(event.currentTarget.value)}
      onKeyDown={onKeyDown}
    />
  );
}
