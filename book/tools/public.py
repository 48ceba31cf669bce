"""A Sphinx extension for what a public page needs: where it lives, what it is about, how old it is, how to cite it.

The address comes from BOOK_ADDRESS (`make.py publish` sets it). Without one, all that needs it is left out: the button
for Colab, the canonical address, the card, the sitemap, and what a page keeps in a comment `<!-- published: ... -->`.
"""

import html
import os
import re
import subprocess
from pathlib import Path
from xml.sax.saxutils import escape

from address import ROOT, parse
from docutils import nodes

import paintlib

SUBTITLE = "How diffusion models paint"
LIMIT = 160  # characters of a description that a search engine shows
PUBLISHED = re.compile(r"<!-- published: (.*?) -->", re.S)
NOT_FOUND = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>No such page: {title}</title>
<style>body {{ font: 1.1rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 4rem auto; padding: 0 1rem;
color-scheme: light dark }}</style>
<h1>There is no such page</h1>
<p>It may have moved. Begin at <a href="{base}index.html">the first page</a>, or <a href="{base}search.html">search
the book</a>.</p></html>
"""


def home_of(config):
    return parse(config.book_address) if config.book_address else None


def configure(app, config):
    """Give the theme what it makes the button and the canonical address from, or take the button away."""
    home = home_of(config)
    config.html_theme_options["show_toc_level"] = 3  # in _config.yml it would replace all that Jupyter Book sets here
    if home:
        config.html_theme_options |= {"repository_url": home.repository, "repository_branch": "colab"}
        config.html_baseurl = home.site
    else:
        config.html_theme_options["launch_buttons"] = {}


def tell_published(app, docname, source):
    home = home_of(app.config)
    names = {"repository": home.repository, "site": home.site, "colab": home.colab()} if home else {}
    source[0] = PUBLISHED.sub(lambda found: found[1].format(**names) if home else "", source[0])


def description(doctree):
    """What a page is about, from its own words: a chapter's question, else the first paragraph without formulas."""
    whole = (p for p in doctree.findall(nodes.paragraph) if isinstance(p.parent, nodes.section))
    plain = (p for p in whole if not any(p.findall(nodes.math)))
    texts = [p.astext().replace("\n", " ") for p in plain]
    asked = [text.removeprefix("The question. ") for text in texts if text.startswith("The question. ")]
    text = next((text for text in asked + texts if len(text) > 60 and "Reading and doing" not in text), "")
    return text if len(text) <= LIMIT else text[: LIMIT - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def changed(docname):
    """The day of the last commit that changed a page's source; None outside a repository."""
    (source,) = list(ROOT.glob(f"{docname}.*"))[:1] or [ROOT]
    command = ["git", "log", "-1", "--format=%cs", "--", str(source)]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip() or None
    except OSError:
        return None


def complete(app, pagename, templatename, context, doctree):
    """The page's head, footer and, for a chapter, how to cite it."""
    home, book = home_of(app.config), app.config.html_title
    if doctree is None:
        return
    title = re.sub("<[^>]+>", "", context["title"])
    day = changed(pagename)
    url = home and f"{home.site}{pagename}.html"
    meta = {"og:type": "article", "og:site_name": book, "og:title": html.unescape(title)}
    about = description(doctree)
    if about:
        meta |= {"description": about, "og:description": about}
    if home:
        card = f"{home.site}_static/card.png"
        meta |= {"og:url": url, "og:image": card, "twitter:card": "summary_large_image"}
        meta["og:image:alt"] = (
            "Three pictures, each as a network guesses it at six moments, from noise to picture: the outline first."
        )
    kind = {True: "property", False: "name"}
    tags = (f'<meta {kind[k.startswith("og:")]}="{k}" content="{html.escape(v)}">' for k, v in meta.items())
    for button in (b for group in context.get("header_buttons", []) for b in group.get("buttons", [])):
        if button.get("text") == "Colab":
            button |= {"text": "Open in Colab", "tooltip": "Run this chapter in Colab"}
    if pagename == app.config.root_doc:
        context["title"] = SUBTITLE  # the book's own title is in the title of each page
    context["metatags"] = context.get("metatags", "") + "\n".join(tags)
    version = f"Version {paintlib.__version__}" + (f", this page of {day}" if day else "")
    context["theme_extra_footer"] = context.get("theme_extra_footer", "") + f"<p>{version}.</p>"
    if pagename.startswith("chapters/"):
        context["body"] += cite(html.unescape(title), book, app.config.author, (day or app.config.copyright)[:4], url)


def cite(title, book, author, year, url):
    """A folded line of citation, and the same for BibTeX."""
    number, name = re.fullmatch(r"(?:(\d+)\. )?(.*)", title).groups()
    line = f"{author} ({year}). {name}. Chapter {number} of {book}, version {paintlib.__version__}."
    fields = {"author": "{" + author + "}", "title": name, "booktitle": book, "chapter": number, "year": year,
              "note": f"Version {paintlib.__version__}"} | ({"url": url} if url else {})  # fmt: skip
    bibtex = (
        f"@incollection{{outline-first-{number},\n" + "".join(f"  {k} = {{{v}}},\n" for k, v in fields.items()) + "}"
    )
    link = f' <a href="{url}">{url}</a>' if url else ""
    return (f'<details class="paint-cite"><summary>Cite this chapter</summary><p>{html.escape(line)}{link}</p>'
            f"<pre>{html.escape(bibtex)}</pre></details>")  # fmt: skip


def finish(app, error):
    """The sitemap and the page for an address that is none."""
    home = home_of(app.config)
    if error or not home or app.builder.format != "html":
        return
    rows = ""
    for name in sorted(app.env.found_docs):
        day = changed(name)
        modified = f"<lastmod>{day}</lastmod>" if day else ""
        rows += f"<url><loc>{escape(f'{home.site}{name}.html')}</loc>{modified}</url>\n"
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    sitemap = f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="{space}">\n{rows}</urlset>\n'
    (Path(app.outdir) / "sitemap.xml").write_text(sitemap, encoding="utf-8")
    page = NOT_FOUND.format(title=app.config.html_title, base=home.base)
    (Path(app.outdir) / "404.html").write_text(page, encoding="utf-8")


def setup(app):
    app.add_config_value("book_address", os.environ.get("BOOK_ADDRESS", ""), "env")
    app.connect("config-inited", configure, priority=900)
    app.connect("source-read", tell_published)
    app.connect("html-page-context", complete, priority=900)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
