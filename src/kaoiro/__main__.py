"""`python -m kaoiro` is the `kaoiro` command."""

import sys

from kaoiro.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
