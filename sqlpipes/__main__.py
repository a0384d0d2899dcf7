"""`python -m sqlpipes` is `sqlpipes`."""

from sqlpipes.cli import main

if __name__ == "__main__":
    main()
