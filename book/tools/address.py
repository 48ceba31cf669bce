"""Write the repository's public address, which stands in _config.yml, into every place that names it.

    python book/tools/address.py               from _config.yml into the pages
    python book/tools/address.py --from-git    the same, after _config.yml took it from git's remote `origin`

The places: what lies between the marks `address` and `/address` of README.md, CITATION.cff and book/use.md.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UNSET = "The book's public address is not set yet"
COLAB = "On Colab, open a chapter and run its first code cell, which installs `paintlib`, the book's small package."


def address(root=ROOT):
    """(url, branch) of _config.yml; the url is empty as long as it is unset."""
    config = (root / "_config.yml").read_text(encoding="utf-8")
    url = re.search(r'^  url: "?([^"\n]*?)/?"?$', config, re.M)[1]
    if url and not re.fullmatch(r"https://[\w.-]+/[\w.-]+/[\w.-]+", url):
        raise ValueError(
            f"repository: url in _config.yml is {url!r}; write it as https://github.com/OWNER/NAME, or leave it empty."
        )
    return url, re.search(r"^  branch: (\S+)$", config, re.M)[1]


def from_git(root=ROOT):
    """Put the address of git's remote `origin` into _config.yml."""
    remote = subprocess.run(["git", "remote", "get-url", "origin"], cwd=root, capture_output=True, text=True)
    if remote.returncode:
        raise ValueError("git has no remote `origin` here; write the address into _config.yml under repository: url.")
    url = re.sub(r"^git@([^:]+):", r"https://\1/", remote.stdout.strip()).removesuffix(".git")
    path = root / "_config.yml"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"^  url: .*$", f'  url: "{url}"', text, flags=re.M), encoding="utf-8")
    address(root)


def page(name, url, branch):
    """What stands between the marks of a page."""
    if name == "CITATION.cff":
        return f"repository-code: {url}" if url else f"# {UNSET}."
    if url:
        return f"The book's public home is <{url}>. {COLAB}"
    return f"{UNSET}, so nothing here links to it, nor to Colab. It will stand in `_config.yml`."


def written(path, root=ROOT):
    """The text that the file at `path` should have."""
    url, branch = address(root)
    text = path.read_text(encoding="utf-8")
    marks = r"((?:<!--|#) address(?: -->)?\n).*?((?:<!--|#) /address)"
    return re.sub(marks, lambda m: m[1] + page(path.name, url, branch) + "\n" + m[2], text, flags=re.S)


def places(root=ROOT):
    return [root / "README.md", root / "CITATION.cff", root / "book/use.md"]


def stale(root=ROOT):
    """The files that do not agree with _config.yml."""
    return [path for path in places(root) if written(path, root) != path.read_text(encoding="utf-8")]


if __name__ == "__main__":
    if sys.argv[1:] == ["--from-git"]:
        from_git()
    for path in stale():
        path.write_text(written(path), encoding="utf-8")
        print(f"written: {path.relative_to(ROOT)}")
    print(f"address: {address()[0] or 'not set'}")
