import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Kind, Status } from "../model.gen";
import { useView } from "../view";

const SEARCH_MS = 200;

/** In the header where there is room, in the row of filters where there is not: the stylesheet shows one of the two. */
export function SearchBox({ place }: { place: "header" | "row" }) {
  const { view, t } = useView();
  const { filter } = view.feed;
  const typed = useSignal(filter.value.search);

  useEffect(() => {
    if (typed.value === filter.peek().search) return;
    const timer = setTimeout(() => view.feed.set({ search: typed.value }), SEARCH_MS);
    return () => clearTimeout(timer);
  }, [typed.value, filter, view]);
  // Another view's control, or "show everything", may have changed it.
  useEffect(() => {
    typed.value = filter.value.search;
  }, [filter.value.search, typed]);

  return (
    <input
      class={`imc-input imc-search imc-search-${place}`}
      type="search"
      dir="auto"
      aria-label={t("searchMessages")}
      placeholder={t("searchMessages")}
      value={typed.value}
      onInput={(event) => {
        typed.value = event.currentTarget.value;
      }}
    />
  );
}

const FIELDS = { agent: "agent_name", project: "project_directory", status: "status" } as const;
const NAMES = { agent: "agentFilter", project: "project", status: "status" } as const;
const ALL = { agent: "allAgents", project: "allProjects", status: "allStatuses" } as const;

/** One of the values that the messages at hand have in a field. */
function Values({ name }: { name: keyof typeof FIELDS }) {
  const { view, app, t } = useView();
  const chosen = view.feed.filter.value[name];
  const found = new Set<string>(app.client.log.value.messages.map((message) => message[FIELDS[name]]));
  const values = [...found.add(chosen)].filter(Boolean).sort();
  return (
    <select
      class="imc-input"
      aria-label={t(NAMES[name])}
      value={chosen}
      onChange={(event) => view.feed.set({ [name]: event.currentTarget.value, peer: null })}
    >
      <option value="">{t(ALL[name])}</option>
      {values.map((value) => (
        <option key={value} value={value}>
          {name === "status" ? t(value as Status) : value}
        </option>
      ))}
    </select>
  );
}

export function Finder() {
  const { view, app, t } = useView();
  const { filter } = view.feed;
  if (!view.filtersOpen.value) return null;
  return (
    <div class="imc-finder">
      <SearchBox place="row" />
      <select
        class="imc-input"
        aria-label={t("kind")}
        value={filter.value.kind}
        onChange={(event) => view.feed.set({ kind: event.currentTarget.value as Kind | "", peer: null })}
      >
        <option value="">{t("allKinds")}</option>
        <option value="question">{t("questions")}</option>
        <option value="report">{t("reports")}</option>
        <option value="chat">{t("chats")}</option>
      </select>
      <select
        class="imc-input"
        aria-label={t("server")}
        value={filter.value.server_id}
        onChange={(event) => view.feed.set({ server_id: event.currentTarget.value, peer: null })}
      >
        <option value="">{t("allServers")}</option>
        {app.traits.servers.value.map((server) => (
          <option key={server.id} value={server.id}>
            {server.label}
          </option>
        ))}
      </select>
      {(["agent", "project", "status"] as const).map((name) => (
        <Values key={name} name={name} />
      ))}
    </div>
  );
}
