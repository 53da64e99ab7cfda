import { useLayoutEffect, useRef } from "preact/hooks";
import { useView } from "../view";

interface Props {
  readonly name: string;
  readonly value: string;
  readonly placeholder: string;
  readonly readOnly?: boolean;
  readonly disabled?: boolean;
  /** Where the caret belongs after the text was changed for the person. */
  readonly caret?: number | null;
  /** Ids of a list of suggestions and of the one that is chosen. */
  readonly list?: string | undefined;
  readonly active?: string | undefined;
  onInput(value: string, caret: number): void;
  onSubmit(): void;
  /** May prevent the key's default: then nothing else comes of it. */
  onKey?(event: KeyboardEvent): void;
  onCaret?(caret: number): void;
  onPaste?(event: ClipboardEvent): void;
  onBlur?(): void;
}

/** A text area as high as its text, that submits with the person's chosen key. */
export function TextBox(props: Props) {
  const { name, value, placeholder, readOnly, disabled, caret, list, active } = props;
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

  useLayoutEffect(() => {
    if (typeof caret === "number") area.current?.setSelectionRange(caret, caret);
  }, [caret, value]);

  const onKeyDown = (event: KeyboardEvent) => {
    props.onKey?.(event);
    if (event.defaultPrevented) return;
    // Enter also ends the composition of a Chinese or Japanese word.
    if (event.key !== "Enter" || event.isComposing || event.shiftKey || event.altKey) return;
    if (event.ctrlKey || event.metaKey || app.prefs.value.sendKey === "enter") {
      event.preventDefault();
      props.onSubmit();
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
      aria-autocomplete={list === undefined ? undefined : "list"}
      aria-controls={list}
      aria-activedescendant={active}
      onInput={(event) => props.onInput(event.currentTarget.value, event.currentTarget.selectionStart)}
      onKeyDown={onKeyDown}
      onClick={(event) => props.onCaret?.(event.currentTarget.selectionStart)}
      onPaste={props.onPaste}
      onBlur={props.onBlur}
    />
  );
}
