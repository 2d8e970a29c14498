"""The command line as a program that heeds the interrupt key.

A shell lets what it runs in the background ignore interrupts, and so do what these processes start.
"""

PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from jaxcollapse.__main__ import main
main()
"""
