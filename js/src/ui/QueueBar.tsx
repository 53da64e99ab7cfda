import { type GroupBy, tally } from "../queue";
import { projectName } from "../urgency";
import { useView } from "../view";

/** How many wait on each server and in each project, each a filter; and how the queue is grouped. */
export function QueueBar() {
  const { view, app, t } = useView();
  const { feed, queue } = view;
  const { server_id, project } = feed.filter.value;
  const waiting = app.waiting.value;
  const servers = tally(waiting, "server_id");
  const projects = tally(waiting, "project_directory");
  if (waiting.length === 0) return null;
  return (
    <div class="imc-queue-bar">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out in a row everywhere */}
      <div class="imc-tallies" role="group" aria-label={t("waitingBy")}>
        {[...servers].map(([id, count]) => (
          <button
            key={id}
            type="button"
            class="imc-chip imc-tally"
            style={{ "--imc-hue": app.colours.of(id) }}
            aria-pressed={server_id === id}
            onClick={() => feed.set({ server_id: server_id === id ? "" : id })}
          >
            <bdi>{app.serverLabel(id)}</bdi> {count}
          </button>
        ))}
        {[...projects].map(([directory, count]) => (
          <button
            key={directory}
            type="button"
            class="imc-chip imc-tally imc-tally-project"
            title={directory}
            aria-pressed={project === directory}
            onClick={() => feed.set({ project: project === directory ? "" : directory })}
          >
            <bdi>{projectName(directory)}</bdi> {count}
          </button>
        ))}
      </div>
      <select
        class="imc-input imc-group-by"
        aria-label={t("groupBy")}
        value={queue.groupBy.value}
        onChange={(event) => {
          queue.groupBy.value = event.currentTarget.value as GroupBy;
        }}
      >
        <option value="">{t("noGroups")}</option>
        <option value="agent_name">{t("byAgent")}</option>
        <option value="project_directory">{t("byProject")}</option>
      </select>
    </div>
  );
}
