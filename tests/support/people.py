"""Settings of people whose patience a test does not want to spend."""

from ipymultichat.net import LinkSettings
from ipymultichat.session import Backoff, Timing

QUICK = LinkSettings(
    open_timeout=0.5,
    keepalive=0.15,
    lasting=0.2,
    backoff=lambda: Backoff(first=0.05, cap=0.2),
    timing=Timing(login=0.5, answer=0.5, resend_first=0.05, recheck=0.1),
)
