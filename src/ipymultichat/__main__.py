"""`python -m ipymultichat` is the same as `ipymultichat`."""

import sys

from ipymultichat.cli import main

sys.exit(main())
