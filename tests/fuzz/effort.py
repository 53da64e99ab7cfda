"""How hard to try: the same examples every time in a test run, other and more ones with `FUZZ=1000`."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("FUZZ", "0"))


def effort(examples: int, **options: Any) -> settings:
    """Settings that try so many examples."""
    return settings(
        max_examples=EXAMPLES or examples,
        derandomize=not EXAMPLES,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        **options,  # such as `stateful_step_count`
    )
