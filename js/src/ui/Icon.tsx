const PATHS = {
  search: "M7 2a5 5 0 1 0 3 9l3.5 3.5 1-1L11 10a5 5 0 0 0-4-8Zm0 1.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7Z",
  filter: "M2 3.5h12V5H2V3.5ZM4 7.25h8v1.5H4v-1.5ZM6.25 11h3.5v1.5h-3.5V11Z",
  settings:
    "M6.9 1.5h2.2l.4 1.8 1.2.5 1.6-1 1.5 1.5-1 1.6.5 1.2 1.8.4v2.2l-1.8.4-.5 1.2 1 1.6-1.5 1.5-1.6-1-1.2.5-.4 1.8H6.9l-.4-1.8-1.2-.5-1.6 1-1.5-1.5 1-1.6-.5-1.2-1.8-.4V7.5l1.8-.4.5-1.2-1-1.6 1.5-1.5 1.6 1 1.2-.5.4-1.8ZM8 6a2.2 2.2 0 1 0 0 4.4A2.2 2.2 0 0 0 8 6Z",
  copy: "M5 2h8v9h-2v3H3V5h2V2Zm1.5 1.5V5H11v4.5h.5v-6h-5Zm-2 3v6h5v-6h-5Z",
  code: "M5.5 4 6.6 5 3.6 8l3 3-1.1 1L1.5 8l4-4Zm5 0-1.1 1 3 3-3 3 1.1 1 4-4-4-4Z",
  close: "m4 3 4 4 4-4 1 1-4 4 4 4-1 1-4-4-4 4-1-1 4-4-4-4 1-1Z",
  edit: "m11 2 3 3-8.5 8.5L2 14l.5-3.5L11 2Zm0 2.1L4 11l-.2 1.2L5 12l6.9-7L11 4.1Z",
  trash: "M6 1.5h4V3h3.5v1.5h-11V3H6V1.5ZM3.5 5.5h9l-.6 9H4.1l-.6-9Zm1.6 1.5.4 6h5l.4-6H5.1Z",
  back: "M7.5 3 8.6 4 5.3 7.2H14v1.5H5.3L8.6 12l-1.1 1-5-5 5-5Z",
  down: "M7.2 2.5h1.6v7.9l3-3L13 8.5l-5 5-5-5 1.2-1.1 3 3V2.5Z",
  clock:
    "M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13ZM8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3Zm-.7 1.7h1.4v3l2.1 1.3-.7 1.2-2.8-1.7V4.7Z",
  keys: "M1.5 4h13v8.5h-13V4ZM3 5.5V11h10V5.5H3Zm1 1h1.5V8H4V6.500Zm3.200 0h1.500V8H7.200V6.500Zm3.200 0h1.500V8h-1.500V6.500ZM5 9h6v1.200H5V9Z",
  check: "m6.2 10.6 6-6.6 1.1 1-7 7.8L2.6 9l1-1.1 2.6 2.7Z",
  alert: "M8 1.5 15 14H1L8 1.5Zm-.7 4.8.2 4h1l.2-4H7.3Zm.7 5a.8.8 0 1 0 0 1.6.8.8 0 0 0 0-1.6Z",
  cross:
    "M8 1.5a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13ZM5.6 4.5 4.5 5.6 6.9 8l-2.4 2.4 1.1 1.1L8 9.1l2.4 2.4 1.1-1.1L9.1 8l2.4-2.4-1.1-1.1L8 6.9 5.6 4.5Z",
} as const;

export type IconName = keyof typeof PATHS;

/** Drawn beside a name, never instead of one. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="imc-icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} fill="currentColor" fill-rule="evenodd" />
    </svg>
  );
}

interface ButtonProps {
  readonly icon: IconName;
  readonly name: string;
  readonly onClick: (event: MouseEvent) => void;
  readonly class?: string;
  readonly pressed?: boolean;
}

export function IconButton({ icon, name, onClick, class: extra = "", pressed }: ButtonProps) {
  return (
    <button
      type="button"
      class={`imc-icon-button ${extra}`}
      aria-label={name}
      title={name}
      aria-pressed={pressed}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
