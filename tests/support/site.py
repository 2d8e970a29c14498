"""The built website: its pages, what they load and link, and what its reference has."""

import json
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import snowballstemmer

from tests.conftest import ROOT

# Attributes by which a browser loads something as soon as it opens a page.
LOADS = {
    "img": "src",
    "script": "src",
    "link": "href",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "object": "data",
}
CODE = ("code", "pre", "script", "style")


class Page(HTMLParser):
    """What a page loads and links, the anchors that it has, and its text outside of code."""

    def __init__(self, path: Path):
        super().__init__()
        self.path = path
        self.anchors: set[str] = set()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self.prose: list[str] = []
        self._code = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._code += tag in CODE
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "form" and "action" in given:
            self.links.append(given["action"])
        if tag in LOADS and given.get(LOADS[tag]):
            self.loads.append(given[LOADS[tag]])

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in CODE

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if not self._code:
            self.prose.append(data)

    def local(self, link: str) -> tuple[Path, str]:
        """The file and the anchor that a link within the site leads to."""
        parts = urlsplit(link)
        path = (self.path.parent / unquote(parts.path)).resolve() if parts.path else self.path
        return path, unquote(parts.fragment)


@dataclass(frozen=True)
class Site:
    """The folder of a built website."""

    folder: Path

    @cached_property
    def pages(self) -> dict[Path, Page]:
        """By their files."""
        return {path: Page(path) for path in sorted(self.folder.rglob("*.html")) if "_static" not in path.parts}

    @cached_property
    def reference(self) -> set[str]:
        """Full names of all Python objects that have an entry."""
        packed = (self.folder / "objects.inv").read_bytes().split(b"\n", 4)[4]
        entries = (line.split() for line in zlib.decompress(packed).decode().splitlines())
        return {entry[0] for entry in entries if entry[1].startswith("py:")}

    def found(self, word: str) -> set[str]:
        """The pages whose texts or titles have a word, as the search reduces it to its stem."""
        packed = (self.folder / "searchindex.js").read_text(encoding="utf-8")
        index = json.loads(packed.removeprefix("Search.setIndex(").removesuffix(")"))
        stem = snowballstemmer.stemmer("english").stemWord(word)
        places = [index[terms].get(stem, []) for terms in ("terms", "titleterms")]
        numbers = [number for place in places for number in (place if isinstance(place, list) else [place])]
        return {index["docnames"][number] for number in numbers}

    def broken(self) -> Iterator[str]:
        """Links, anchors and resources within the site that are not there."""
        for page in self.pages.values():
            for link in [*page.links, *page.loads]:
                if is_elsewhere(link):
                    continue
                target, anchor = page.local(link)
                lacks = target in self.pages and anchor and anchor not in self.pages[target].anchors
                if not target.is_file() or lacks:
                    yield f"{page.path.relative_to(self.folder)}: {link}"

    def reached(self, start: Path) -> set[Path]:
        """Pages that links lead to from this one, step by step."""
        found, todo = {start}, [start]
        while todo:
            page = self.pages[todo.pop()]
            new = {page.local(link)[0] for link in page.links if not is_elsewhere(link)}
            todo += (new & set(self.pages)) - found
            found |= new & set(self.pages)
        return found


def is_elsewhere(link: str) -> bool:
    """Whether a link leaves the site; what stands in a page itself does not."""
    parts = urlsplit(link)
    return parts.scheme != "data" and bool(parts.scheme or parts.netloc)


def build(folder: Path) -> Site:
    """The website, built with warnings as errors."""
    command = [sys.executable, "-m", "sphinx", "-c", "docs", "-W", "--keep-going", "--quiet"]
    command += ["-d", str(folder / "doctrees"), ".", str(folder / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Site((folder / "site").resolve())
