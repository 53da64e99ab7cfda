/** The browser's own storage, which is refused in some frames (VS Code, blocked cookies) and may be full. */
export interface Cabinet {
  read(key: string): string | null;
  write(key: string, value: string): void;
}

export function cabinet(open: () => Storage): Cabinet {
  let storage: Storage | null = null;
  try {
    storage = open();
  } catch {
    storage = null;
  }
  return {
    read(key) {
      return storage?.getItem(key) ?? null;
    },
    write(key, value) {
      try {
        storage?.setItem(key, value);
      } catch {
        // What does not fit lasts as long as the page.
      }
    },
  };
}
