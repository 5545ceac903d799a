"""``python -m flambeau.cli`` is ``flambeau``."""

from flambeau.cli import main

if __name__ == "__main__":
    main(prog_name="flambeau")
