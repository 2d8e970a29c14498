"""`python -m jaxcollapse`, and the command `jaxcollapse`, which heeds signals before it imports what takes long."""

from jaxcollapse.system.signals import ending


def main() -> None:
    """Entry point of the command."""
    with ending(1):
        from jaxcollapse.cli.main import main as command
    command()


if __name__ == "__main__":
    main()
