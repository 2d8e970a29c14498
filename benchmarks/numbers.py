"""Numbers as they stand in tables."""


def three_digits(number: float) -> str:
    """About three digits, without an exponent."""
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def multiple(other: float | None, ours: float) -> str:
    """A time, and in brackets how many times ours it is."""
    if other is None:
        return "–"
    return f"{three_digits(other)} ({three_digits(other / ours)}×)"
