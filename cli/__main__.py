"""`bramble`: the operator's command. Parts that bring commands of their own (the simulator) join the app here."""

from __future__ import annotations

from cli.commands import app


def main() -> None:
    """Run the command that the arguments name."""
    app()


if __name__ == "__main__":
    main()
