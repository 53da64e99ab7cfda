import { splitHits } from "../hits";
import { escapeInvisible } from "../invisible";
import { useView } from "../view";

/** A text of an agent's, with what is searched for marked in it. */
export function Hits({ text }: { text: string }) {
  const { search } = useView().view.feed.filter.value;
  return (
    <>
      {splitHits(escapeInvisible(text), search).map((part, place) =>
        place % 2 ? <mark key={place}>{part}</mark> : part,
      )}
    </>
  );
}

/** How many messages a search has found so far; more may be further back. */
export function Found() {
  const { view, t } = useView();
  const { filter, rows, more, loading } = view.feed;
  if (!filter.value.search.trim() || (loading.value && !rows.value.length)) return null;
  return (
    <p class="imc-found imc-dim" role="status">
      {t("found", { n: `${rows.value.length}${more.value ? "+" : ""}` })}
    </p>
  );
}
