import { batch } from "@preact/signals";
import { SHORTCUTS, type Shortcut } from "../keys";
import { useView } from "../view";

/** Every key of the widget, with a button that does the same. */
export function Shortcuts() {
  const { view, t } = useView();
  const press = ({ run }: Shortcut, near: Element) =>
    batch(() => {
      view.dialog.value = null;
      run?.(view, near);
    });
  return (
    <div class="imc-form">
      <p class="imc-dim">{t("shortcutsHint")}</p>
      {/* biome-ignore lint/a11y/noRedundantRoles: without a marker some browsers drop the list role */}
      <ul role="list" class="imc-plain imc-keys">
        {SHORTCUTS.filter(({ name }) => name !== "shortcuts").map((item) => (
          <li key={item.keys}>
            <kbd>{item.keys}</kbd>
            {item.run ? (
              <button type="button" class="imc-link" onClick={(event) => press(item, event.currentTarget)}>
                {t(item.name, { n: item.keys })}
              </button>
            ) : (
              <span>{t(item.name)}</span>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}
