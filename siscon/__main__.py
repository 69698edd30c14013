"""``python -m siscon``: the same as the command ``siscon``."""

from siscon.cli.main import main

if __name__ == "__main__":
    main()
