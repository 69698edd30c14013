"""The exit codes of every command."""

DONE, FAILED, MISUSED, HELD, IN_ERROR, CANCELLED = 0, 1, 2, 3, 4, 130
