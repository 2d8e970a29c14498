"""The command line as a program that heeds the interrupt key.

A shell lets what it runs in the background ignore interrupts, and so do what these processes start.
"""

PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from jaxcollapse.__main__ import main
main()
"""

# The same, which writes "computing" to stderr as soon as it has begun a device call.
COMPUTING = (
    """
import os
from jaxcollapse.execute import local
def run_tile(*arguments, compute=local.run_tile):
    os.write(2, b"computing\\n")
    return compute(*arguments)
local.run_tile = run_tile
"""
    + PROGRAM
)


def signalled(number: int, shards: int) -> str:
    """The same program, which sends itself a signal as soon as it has stored so many shards.

    Its disk is slower than its devices, so that finished chunks always wait for the writer.
    """
    return f"""
import os, sys, time
left = {shards} + 1
def hook(event, told):
    global left
    if event == "os.rename" and str(told[1]).endswith(".nc") and "shards" in str(told[1]):
        left -= 1
        time.sleep(0.1)
        if left == 0:
            os.kill(os.getpid(), {int(number)})
sys.addaudithook(hook)
{PROGRAM}"""
