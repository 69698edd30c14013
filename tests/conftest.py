"""What all tests share: programs that they start hundreds of times are not compiled anew each time."""

from __future__ import annotations

import os
import sys

# Some environments forbid it, and pay for it with a third of the time of the whole.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
