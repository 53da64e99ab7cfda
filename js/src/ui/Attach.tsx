import { useRef } from "preact/hooks";
import type { Message } from "../model.gen";
import { formatSize } from "../time";
import { FILE_MAX } from "../transfer";
import type { Upload } from "../uploads";
import { useView } from "../view";
import { IconButton } from "./Icon";

/** Files on a drag or in the clipboard, and nothing when there is only text. */
export function filesOf(data: DataTransfer | null): File[] {
  return [...(data?.files ?? [])];
}

export function AttachButton({ locked, onFiles }: { locked: boolean; onFiles(files: File[]): void }) {
  const { t } = useView();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        tabIndex={-1}
        aria-hidden="true"
        onChange={(event) => {
          onFiles([...(event.currentTarget.files ?? [])]);
          // The same file may be chosen again after it was removed.
          event.currentTarget.value = "";
        }}
      />
      <button
        type="button"
        class="imc-icon-button imc-attach"
        aria-label={t("attach")}
        title={t("attachHint", { size: formatSize(FILE_MAX) })}
        disabled={locked}
        onClick={() => input.current?.click()}
      >
        <AttachIcon />
      </button>
    </>
  );
}

function AttachIcon() {
  return (
    <svg class="imc-icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path
        d="M13 7.2 7.9 12.3a3.2 3.2 0 0 1-4.5-4.5l5.4-5.4a2.1 2.1 0 0 1 3 3L6.6 10.6a1 1 0 0 1-1.5-1.4l4.6-4.6"
        fill="none"
        stroke="currentColor"
        stroke-width="1.4"
        stroke-linecap="round"
      />
    </svg>
  );
}

interface ListProps {
  readonly message: Message;
  readonly uploads: readonly Upload[];
  readonly locked: boolean;
}

/** The files that go out with the answer. */
export function UploadList({ message, uploads, locked }: ListProps) {
  const { app, t } = useView();
  if (!uploads.length) return null;
  return (
    // biome-ignore lint/a11y/noRedundantRoles: without a marker some browsers drop the list role
    <ul role="list" class="imc-plain imc-attachments" aria-label={t("attachments")}>
      {uploads.map((item) => (
        <li key={item.id} class="imc-part">
          <bdi>{item.file.name}</bdi> <span class="imc-dim">{formatSize(item.file.size)}</span>
          <Progress item={item} />
          <IconButton
            icon="close"
            name={t("removeFile", { name: item.file.name })}
            onClick={() => {
              if (!locked) app.uploads.remove(message.id, item.id);
            }}
          />
        </li>
      ))}
    </ul>
  );
}

function Progress({ item }: { item: Upload }) {
  const { t } = useView();
  if (item.state === "failed")
    return <span class="imc-error">{t.said(item.error) || t("kernelSilent")}</span>;
  if (item.state === "ready") return null;
  return (
    <progress
      aria-label={t("uploading", { name: item.file.name })}
      max={item.file.size || 1}
      value={item.sent}
    />
  );
}
