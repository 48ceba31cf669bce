"""Print the whole book to one PDF: a contents page, every page of the site as Chromium prints it, page numbers, links.

    python3 book/tools/make.py pdf        _build/book.pdf, from a site that is built first

Folds of chapters are left out, so answers, hints and solutions are on the site alone; the proofs of the errata are
printed. An interactive stands there as it opens.
"""

import io
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial
from html import escape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject

ROOT = Path(__file__).resolve().parents[2]
PAPER = {"format": "A4", "print_background": True, "scale": 0.8}
MARGIN = {"top": "18mm", "bottom": "20mm", "left": "16mm", "right": "16mm"}
STYLE = """<!doctype html><meta charset="utf-8"><style>@page { size: A4; margin: 0 } body { margin: 0;
font: 11pt/1.5 sans-serif } .leaf { height: 297mm; position: relative; break-after: page; overflow: hidden }
.number { position: absolute; bottom: 9mm; width: 100%; text-align: center; font-size: 9pt; color: #444 }
.contents { padding: 25mm 25mm 0 } h1 { font-size: 26pt; margin: 0 } .contents p { margin: 0 0 10mm; font-size: 14pt }
.contents .part { margin: 2mm 0 0; font-size: 11pt; font-weight: bold } .contents .part:empty { display: none }
.row { display: flex; justify-content: space-between; gap: 6mm }</style>"""


NOTE = '<p class="part">Answers, hints and solutions are on the site, and what moves there stands still here.</p>'


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def served(folder):
    """The address at which this machine, and no other, sees the folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@contextmanager
def chromium():
    from playwright.sync_api import sync_playwright

    sys.path.insert(0, str(ROOT / "tests"))
    import browser

    path = browser.find()
    if not path:
        sys.exit(browser.MISSING)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])


def order():
    """The pages of the site in the order of the book, as {path below it: the part that begins there, or ""}."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    pages = {toc["root"]: ""}
    for part in toc["parts"]:
        caption = part.get("caption", "")
        for entry in part["chapters"]:
            found = sorted(ROOT.glob(entry["glob"])) if "glob" in entry else [ROOT / entry["file"]]
            for path in found:
                pages[path.relative_to(ROOT).with_suffix("").as_posix()] = caption
                caption = ""
    return {f"{page}.html": caption for page, caption in pages.items()}


def printed(tab, url):
    """One page of the site: its title, and what Chromium prints, when formulas are set and every picture is there."""
    tab.goto(url, wait_until="load")
    tab.add_style_tag(content="#jb-print-toc { display: none }")  # the book has one of its own
    tab.evaluate("window.MathJax?.startup?.promise")
    tab.evaluate("document.querySelectorAll('details.sd-dropdown').forEach((fold) => { fold.open = true })")
    tab.evaluate(
        "Promise.all([...document.images].map(i => { i.loading = 'eager'; return i.decode().catch(() => 0) }))"
    )
    title = tab.locator("article h1").first.evaluate("h => h.firstChild.textContent.trim()")
    return title, PdfReader(io.BytesIO(tab.pdf(margin=MARGIN, **PAPER)))


def leaves(tab, contents):
    """Pages made here: from HTML, one a leaf."""
    tab.set_content(STYLE + "".join(f'<div class="leaf">{leaf}</div>' for leaf in contents))
    return PdfReader(io.BytesIO(tab.pdf(prefer_css_page_size=True, print_background=True))).pages


def join(site, target, pages=None):
    """Print the pages (all, if none are named) and join them; returns [(title, page number)]."""
    captions = order()
    pages = pages or list(captions)
    print(f"Printing {len(pages)} pages of the site", flush=True)
    with served(site) as address, chromium() as program:
        tab = program.new_context(color_scheme="light", reduced_motion="reduce").new_page()
        parts = [printed(tab, f"{address}/{page}") for page in pages]
        starts, at = [], 2  # the contents are page 1
        for _, part in parts:
            starts.append(at)
            at += len(part.pages)
        rows = [(title, start) for (title, _), start in zip(parts, starts, strict=True)]
        lines = "".join(
            f'<p class="part">{escape(captions[page])}</p>'
            f'<div class="row"><span>{escape(title)}</span><span>{start}</span></div>'
            for page, (title, start) in zip(pages, rows, strict=True)
        )
        front = (
            f'<div class="contents"><h1>{escape(rows[0][0])}</h1><p>How diffusion models paint</p>{lines}{NOTE}</div>'
        )
        stamps = leaves(tab, [front, *(f'<div class="number">{n}</div>' for n in range(2, at))])
        writer = PdfWriter()
        writer.add_page(stamps[0])
        for _, part in parts:
            for page in part.pages:
                number = len(writer.pages)
                leaf = writer.add_page(page)
                leaf.merge_page(stamps[number])
                leaf.compress_content_streams()
        for title, start in rows:
            writer.add_outline_item(title, start - 1)
        lead_inside(writer, address, dict(zip(pages, starts, strict=True)))
    writer.add_metadata({"/Title": rows[0][0]})
    writer.compress_identical_objects()
    writer.write(target)
    return rows


def lead_inside(writer, address, starts):
    """Let links between the pages of the site lead to pages of the book."""
    for leaf in writer.pages:
        for annotation in leaf.get("/Annots", []):
            action = annotation.get_object().get("/A", {})
            url = urlsplit(str(action.get("/URI", "")))
            if f"{url.scheme}://{url.netloc}" != address:
                continue
            start = starts.get(unquote(url.path).lstrip("/"))
            place = writer.pages[start - 1 if start else 0].indirect_reference
            inside = {NameObject("/S"): NameObject("/GoTo"), NameObject("/D"): ArrayObject([place, NameObject("/Fit")])}
            annotation.get_object()[NameObject("/A")] = DictionaryObject(inside)


def build(out, environ=None):
    """Build the site into `out`, every warning an error; returns the folder of its pages."""
    print("Building the site, which takes minutes", flush=True)
    program = Path(sys.executable).with_name("jupyter-book")
    command = [program, "build", ROOT, "--all", "-W", "-n", "--keep-going", "--path-output", out]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}  # what is wrong comes by stderr
    subprocess.run(list(map(str, command)), check=True, env=os.environ | (environ or {}), **quiet)
    return Path(out) / "_build/html"


if __name__ == "__main__":
    target = ROOT / "_build/book.pdf"
    for title, page in join(build(ROOT), target):
        print(f"{page:5}  {title}")
    print(target)
