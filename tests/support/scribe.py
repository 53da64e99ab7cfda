"""A kernel that gets messages faster than anybody could, and says which are stored. Made to be killed.

Prints `id version` once this version of the message is on disk.
"""

from __future__ import annotations

import random
import sys

from histories import Living, answered, message

from ipymultichat.store.writer import WriterTiming


def main() -> None:
    """Write until killed."""
    profile, seed = sys.argv[1:]
    chance = random.Random(int(seed))
    now = Living(profile, timing=WriterTiming(delay=0.002, pause=0.02, busy=5))
    now.count = len(now.history.open(0))
    versions: dict[str, int] = {}
    waiting: dict[str, int] = {}
    print("open", flush=True)
    while True:
        for _ in range(chance.randrange(1, 30)):
            if versions and chance.random() < 0.3:
                key = chance.choice(list(versions)[-200:])
            else:
                key = f"{seed}-{len(versions)}"
            version = versions[key] = versions.get(key, 0) + 1
            text = f"{version} " + chance.choice("abc") * chance.randrange(3_000)
            make = answered if chance.random() < 0.5 else message
            now.put(make(key, text=text))
            waiting[f"work/request/{key}"] = version
        if chance.random() < 0.2:
            now.read((1_000 * chance.randrange(now.count + 1), 0))
        lines = []
        for key, version in list(waiting.items()):
            if now.history.stored(key):
                lines.append(f"{key} {version}")
                del waiting[key]
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
