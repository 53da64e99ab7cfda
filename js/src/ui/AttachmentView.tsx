import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Message } from "../model.gen";
import type { Attachment } from "../protocol";
import { formatSize } from "../time";
import { download, save } from "../transfer";
import { useView } from "../view";

/** Images up to this size are fetched without being asked for, in bytes. */
const SHOWN_UP_TO = 4 * 2 ** 20;

interface Props {
  readonly message: Message;
  readonly attachment: Attachment;
  /** Its place among the attachments of the reply. */
  readonly index: number;
}

/** An image is only ever the source of an `img`, where nothing in it can run; the rest is saved as a neutral file. */
export function AttachmentView({ message, attachment, index }: Props) {
  const { app, t } = useView();
  const url: Signal<string> = useSignal("");
  const wanted = useSignal(attachment.type === "image" && attachment.size <= SHOWN_UP_TO);
  const busy = useSignal(false);
  const error = useSignal("");
  const image = attachment.type === "image" && attachment.mime_type.startsWith("image/");
  const audio = attachment.type === "audio" && attachment.mime_type.startsWith("audio/");
  const name = attachment.name || attachment.mime_type || attachment.type;
  const about = t("attachment", {
    type: attachment.mime_type || attachment.type,
    size: formatSize(attachment.size),
  });

  const get = async (): Promise<Blob | null> => {
    busy.value = true;
    const source = { message_id: message.id, attachment: index };
    const got = await download(app.client, source, attachment.mime_type);
    busy.value = false;
    error.value = got === null || got === "" ? t("kernelSilent") : typeof got === "string" ? got : "";
    return got instanceof Blob ? got : null;
  };

  useEffect(() => {
    if (!wanted.value || !(image || audio)) return;
    let here = true;
    let made = "";
    void get().then((blob) => {
      if (!blob || !here) return;
      made = URL.createObjectURL(blob);
      url.value = made;
    });
    return () => {
      here = false;
      if (made) URL.revokeObjectURL(made);
      url.value = "";
    };
  }, [wanted.value, message.id, index, message.reply?.at]);

  return (
    <span class="imc-part imc-part-view">
      {image && url.value && (
        <img
          src={url.value}
          alt={`${name}, ${about}`}
          onError={() => {
            error.value = t("noPicture");
          }}
        />
      )}
      {/* biome-ignore lint/a11y/useMediaCaption: it is what somebody attached, and nobody wrote captions */}
      {audio && url.value && <audio controls src={url.value} aria-label={name} />}
      <span class="imc-row">
        <bdi>{name}</bdi> <span class="imc-dim">{about}</span>
        {(image || audio) && !wanted.value && (
          <button
            type="button"
            class="imc-link"
            onClick={() => {
              wanted.value = true;
            }}
          >
            {t(image ? "showImage" : "playAudio")}
          </button>
        )}
        {attachment.type !== "unknown" && (
          <button
            type="button"
            class="imc-link"
            aria-label={t("downloadFile", { name })}
            disabled={busy.value}
            onClick={async (event) => {
              const near = event.currentTarget;
              const blob = await get();
              if (blob) save(blob, fileName(attachment), near);
            }}
          >
            {t("download")}
          </button>
        )}
        {busy.value && <span class="imc-dim">{t("loadingPart")}</span>}
      </span>
      {error.value && <span class="imc-error">{error.value}</span>}
    </span>
  );
}

/** Images and sounds come without a name: their type makes an ending. */
function fileName(attachment: Attachment): string {
  const name = attachment.name || attachment.type;
  const ending = attachment.mime_type.split("/")[1]?.replace(/[^\w].*$/, "") ?? "";
  return /\.\w+$/.test(name) || !ending ? name : `${name}.${ending}`;
}
