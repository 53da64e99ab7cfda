import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Message, Part } from "../protocol";
import { formatSize } from "../time";
import { download, save } from "../transfer";
import { useView } from "../view";

/** Images up to this size are fetched without being asked for, in bytes. */
const SHOWN_UP_TO = 4 * 2 ** 20;

interface Props {
  readonly message: Message;
  readonly part: Part;
  readonly index: number;
}

/**
 * A part of an answer that is not text. An image is only ever the source of an `img`, where nothing in it can run; the
 * rest is saved as a neutral file.
 */
export function PartView({ message, part, index }: Props) {
  const { app, t } = useView();
  const url: Signal<string> = useSignal("");
  const wanted = useSignal(part.type === "image" && part.size <= SHOWN_UP_TO);
  const busy = useSignal(false);
  const error = useSignal("");
  const image = part.type === "image" && part.mime_type.startsWith("image/");
  const audio = part.type === "audio" && part.mime_type.startsWith("audio/");
  const name = part.name || part.mime_type || part.type;
  const about = t("attachment", { type: part.mime_type || part.type, size: formatSize(part.size) });

  const get = async (): Promise<Blob | null> => {
    busy.value = true;
    const got = await download(app.client, { key: message.key, part: index }, part.mime_type);
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
  }, [wanted.value, message.key, index, message.reply?.at]);

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
        {part.type !== "unknown" && (
          <button
            type="button"
            class="imc-link"
            aria-label={t("downloadFile", { name })}
            disabled={busy.value}
            onClick={async (event) => {
              const near = event.currentTarget;
              const blob = await get();
              if (blob) save(blob, fileName(part), near);
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
function fileName(part: Part): string {
  const name = part.name || part.type;
  const ending = part.mime_type.split("/")[1]?.replace(/[^\w].*$/, "") ?? "";
  return /\.\w+$/.test(name) || !ending ? name : `${name}.${ending}`;
}
