"""`python -m jaxcollapse`."""

from jaxcollapse.cli import main

if __name__ == "__main__":
    main()
