"""`python -m benchmarks.estimates`: this suite alone."""

import typer

from benchmarks.__main__ import Name, main


def estimates() -> None:
    """Compare what plans say with what runs take."""
    main([Name.ESTIMATES])


if __name__ == "__main__":
    typer.run(estimates)
