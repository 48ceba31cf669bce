"""Make everything that goes public, from the address of the repository, in _build/publish:

site/       for GitHub Pages: the pages, book.pdf, student.zip, instructor.zip, sitemap.xml, 404.html, CITATION.cff
colab/      for a branch of its own, from which Colab opens: chapters/, student/
release/    the two wheels, SHA256SUMS, and `tags`: a line for each wheel with the tag of its release

python3 book/tools/make.py publish [https://github.com/OWNER/NAME]
"""

import json
import shutil
import sys
import zipfile
from pathlib import Path

import address
import editions
import pdf
import wheels

ROOT = Path(__file__).resolve().parents[2]
README = """# {title}: the chapters for Colab

These notebooks are made from [the book]({repository}) and read best at <{site}>. Those in `student/` have no solutions.
"""


def chapters():
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted(ROOT.glob("chapters/*.ipynb"))}


def for_colab(home, built, folder):
    """The notebooks that Colab opens, each with the addresses of the wheels that it needs."""
    for name, notebook in chapters().items():
        needed = ["paintlib"] + ["paintlib-models"] * editions.needs_weights(notebook)
        install = editions.install_cell([built[wheel].url(home) for wheel in needed])
        for kind, make in {"chapters": editions.colab, "student": editions.student}.items():
            editions.write(make(notebook, editions.public(home, kind), install), folder / kind / name)
    words = {"title": "Outline First, Details Later", "repository": home.repository, "site": home.site}
    (folder / "README.md").write_text(README.format(**words), encoding="utf-8")


def archives(home, site):
    """The copies for a class, as one file for students and one for instructors."""
    for kind, make in {"student": editions.student, "instructor": editions.instructor}.items():
        with zipfile.ZipFile(site / f"{kind}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, notebook in chapters().items():
                text = json.dumps(make(notebook, editions.local(home)), indent=1, ensure_ascii=False) + "\n"
                archive.writestr(zipfile.ZipInfo(f"{kind}/{name}"), text, zipfile.ZIP_DEFLATED)


def releases(built, folder):
    """Say under which tag each wheel is to be released; it is there already where the wheel did not change."""
    lines = (f"{wheel.tag} {wheel.path.name}\n" for wheel in built.values())
    (folder / "tags").write_text("".join(lines), encoding="utf-8")


def cited(home):
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    return f"{text.rstrip()}\nrepository-code: {home.repository}\nurl: {home.site}\n"


def publish(home, out, build=pdf.build, book=pdf.join):
    """All of it, into the folder `out`, which is made anew."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    built = wheels.build(out / "release")
    releases(built, out / "release")
    for_colab(home, built, out / "colab")
    pages = build(out / "work", {"BOOK_ADDRESS": home.repository})
    shutil.move(pages, out / "site")
    shutil.rmtree(out / "work", ignore_errors=True)
    for path in (out / "site/_sources/chapters").glob("*.ipynb"):  # what a page's button downloads
        shutil.copyfile(out / "colab/chapters" / path.name, path)
    archives(home, out / "site")
    (out / "site/CITATION.cff").write_text(cited(home), encoding="utf-8")
    (out / "site/.nojekyll").touch()
    book(out / "site", out / "site/book.pdf")


if __name__ == "__main__":
    home = address.find(*sys.argv[1:2])  # make.py has seen that there is one
    publish(home, ROOT / "_build/publish")
    print(f"Ready for {home.repository}, its Pages at {home.site}, in {ROOT / '_build/publish'}")
