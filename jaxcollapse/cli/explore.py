"""The command `jaxcollapse explore`."""

import webbrowser
from typing import Annotated

import typer

from jaxcollapse.cli.arguments import PluginFiles, StudyOrFile, readable, tells_bad_input
from jaxcollapse.cli.report import needs_packages
from jaxcollapse.errors import InputError


@tells_bad_input
def explore(
    study: StudyOrFile,
    plugin: PluginFiles = None,
    port: Annotated[int, typer.Option(metavar="N", min=0, max=65535, help="Port of the page; 0 picks a free one.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
) -> int:
    """Explore a study in a browser.

    The page shows any generation, observable and trajectory of a study, complete or not. It is served to this machine
    only. Ctrl-C ends it.
    """
    with needs_packages():
        from jaxcollapse.explore.answers import Answers
        from jaxcollapse.explore.server import Server
        from jaxcollapse.report.page import live_page
    from jaxcollapse.store.whole import read

    opened, result = read(study)
    with opened as data:
        with readable(result):
            page, answers = live_page(data, result), Answers(data)
        try:
            server = Server(port, page, answers)
        except (OSError, OverflowError) as error:
            raise InputError("port", f"{port} cannot be used: {getattr(error, 'strerror', error)}") from None
        with server:
            print(f"explore: {server.address} (Ctrl-C to end)", flush=True)
            if browser:
                webbrowser.open(server.address)
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                print("stopped")
    return 0
