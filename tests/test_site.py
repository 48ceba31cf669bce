"""The built site, seen in headless Chromium with the network blocked: on a telephone, in the dark, by keyboard."""

import os
import re
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup
from pypdf import PdfReader

ROOT = Path(__file__).parents[1]
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
WIDTHS = (1440, 820, 390, 360)
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
KILOBYTES, SHIFT = (
    2000,
    0.05,
)  # of a page when it is opened, uncompressed; and how far things may move (Lighthouse: CLS)
CONTRAST = 4.5  # WCAG 2.2 AA for text of normal size


def toc_pages():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    pages = [toc["root"]]
    for entry in (entry for part in toc["parts"] for entry in part["chapters"]):
        found = sorted(ROOT.glob(entry["glob"])) if "glob" in entry else [ROOT / entry["file"]]
        pages += [path.relative_to(ROOT).with_suffix("").as_posix() for path in found]
    return pages


PAGES = toc_pages()
CHAPTERS = [page for page in PAGES if page.startswith("chapters/")]
pages = pytest.mark.parametrize("page", PAGES)
chapters = pytest.mark.parametrize("page", CHAPTERS)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def address(site):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="module")
def visit(browser, address):
    """visit(page, size, theme) opens a page, once, and waits for its formulas.

    `.foreign` are the requests to other hosts, `.complaints` the errors in the console.
    """
    opened = {}

    def visit(page, size=DESK, theme="light", fresh=False):
        key = (page, *size.values(), theme)
        if key in opened and not fresh:
            return opened[key]
        tab = browser.new_context(viewport=size, color_scheme=theme, reduced_motion="reduce").new_page()
        tab.add_init_script(path=Path(__file__).with_name("page.js"))
        tab.foreign, tab.complaints = [], []
        own = (address, "data:", "blob:", "about:")
        tab.on("request", lambda request: request.url.startswith(own) or tab.foreign.append(request.url))
        tab.on("console", lambda m: m.type == "error" and tab.complaints.append(f"{m.text} {m.location.get('url')}"))
        tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.goto(f"{address}/{page}.html", wait_until="load")
        tab.evaluate("page.ready()")
        if not fresh:
            opened[key] = tab
        return tab

    return visit


def test_each_notebook_is_a_chapter_of_the_site():
    assert sorted(f"chapters/{path.stem}" for path in ROOT.glob("chapters/*.ipynb")) == sorted(CHAPTERS)


@pages
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_page_asks_no_other_host_and_does_not_complain(visit, page, theme):
    tab = visit(page, theme=theme)
    assert tab.foreign == [] and tab.complaints == []


def test_the_check_for_foreign_hosts_sees_one(visit):
    tab = visit("search")
    tab.evaluate("fetch('https://example.org/').catch(() => 0)")
    assert tab.foreign == ["https://example.org/"]


@pages
def test_formulas_are_set_by_the_sites_own_mathjax(visit, page):
    tab = visit(page)
    assert tab.locator("mjx-merror").count() == 0
    assert tab.locator("mjx-container").count() == tab.locator(".math").count()
    raw = tab.locator("article").evaluate("e => e.innerText.match(/\\$\\$|\\\\frac|\\\\alpha/)")
    assert not raw, f"a formula stands raw on the page: {raw}"


def test_the_check_for_width_sees_what_sticks_out_and_lets_a_box_scroll(visit):
    tab = visit(PAGES[1], size=PHONE, fresh=True)
    wide = "<p style='width: 500px'>wide</p>"
    add = "html => document.querySelector('article').insertAdjacentHTML('beforeend', html)"
    tab.evaluate(add, f"<div style='overflow-x: auto'>{wide}</div>")
    assert tab.evaluate("page.wide(361)") == []
    tab.evaluate(add, wide)
    assert len(tab.evaluate("page.wide(361)")) == 1


@pages
def test_nothing_is_cut_at_any_width(visit, page):
    """Code wraps; figures, tables, equations and what cells print fit, in letters of at least 8 pixels."""
    tab = visit(page, fresh=True)
    tab.evaluate("document.querySelectorAll('article details').forEach((fold) => (fold.open = true))")
    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 900})
        for theme in ("light", "dark"):
            tab.emulate_media(color_scheme=theme)
            tab.evaluate("page.frames()")
            assert tab.evaluate("page.cut()") == [], f"at {width} pixels, {theme}"
            assert tab.evaluate(f"page.wide({width + 1})") == []
        assert tab.evaluate("page.sideways()") == [], f"at {width} pixels"
        assert tab.evaluate("page.smallPrint()") >= 8, f"letters of what cells print, at {width} pixels"
    tab.emulate_media(media="print", color_scheme="dark")
    tab.evaluate("page.frames()")
    assert not tab.evaluate("page.isDark()"), "a page read in the dark is printed light"
    tab.context.close()


@pages
def test_page_is_light_and_stands_still(visit, page):
    tab = visit(page)
    assert tab.evaluate("page.kilobytes()") <= KILOBYTES
    assert tab.evaluate("page.moved") <= SHIFT
    for waits, width, height in tab.evaluate(
        "[...document.querySelectorAll('.cell_output a.enlarge img')].map(page.place)"
    ):
        assert waits == "lazy" and width and height


def test_the_check_for_what_is_cut_sees_it(visit):
    tab = visit("book/use", size=PHONE, fresh=True)
    assert tab.evaluate("page.cut()") == []
    add = "html => document.querySelector('article').insertAdjacentHTML('beforeend', html)"
    tab.evaluate(
        add,
        "<pre style='white-space: pre; overflow: hidden'>"
        + "long " * 40
        + "</pre><svg style='width: 900px; max-width: none'></svg>",
    )
    assert [found.split(":")[0] for found in tab.evaluate("page.cut()")] == [
        "scrolls without a sign",
        "beyond the column",
    ]


@pages
def test_pictures_say_what_they_show(visit, page):
    for text, element in visit(page).evaluate("page.pictures()"):
        assert len(text.split()) >= 3 and not re.search(r"[0-9a-f]{16}", text), f"{text!r} says nothing: {element}"


@pages
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_has_contrast(visit, page, theme):
    tab = visit(page, theme=theme)
    assert tab.evaluate("document.documentElement.dataset.theme") == theme
    assert tab.evaluate("page.isDark()") == (theme == "dark")
    assert tab.evaluate(f"page.lowContrast({CONTRAST})") == []


@pages
def test_no_theme_changes_a_picture(visit, page):
    assert set(visit(page, theme="dark").evaluate("page.filters()")) <= {"none"}


@pages
def test_keyboard_focus_is_seen(visit, page):
    tab = visit(page)
    link = tab.locator("article a:visible, article summary:visible, .prev-next-footer a:visible").last
    link.focus()
    tab.keyboard.press("Shift+Tab")
    tab.keyboard.press("Tab")
    style, width = tab.evaluate("page.focus()")
    assert style != "none" and width >= 2


@pages
def test_internal_links_lead_somewhere(visit, address, site, page):
    tab = visit(page)
    for link in tab.evaluate("page.links()"):
        if not link.startswith(address):
            continue
        url = urlsplit(link)
        target = site / unquote(url.path).lstrip("/")
        assert target.is_file(), f"{link} leads nowhere"
        if url.fragment and target.suffix == ".html":
            place = f'id="{unquote(url.fragment)}"'
            assert place in target.read_text(encoding="utf-8"), f"{link}: no such place on the page"


BY_NUMBER = r"\b{}\s[\d\sE\x00,–-]*(?:(?:and|or|to)\s)?E?\d"  # \x00 stands for a link
PLACES = {"chapter": r"\b{:02d}_", "erratum": r"#e{}-", "slip": r"#e{}-", "eq.": r"#eq-{}$"}


@pages
def test_what_is_named_by_its_number_is_a_link_to_it(site, page):
    """Chapters and errata on all pages, equations on those around the chapters."""
    article = BeautifulSoup((site / f"{page}.html").read_text(encoding="utf-8"), "html.parser").article
    for link in article.find_all("a"):
        if said := re.fullmatch(r"(chapter|erratum|slip|eq\.) e?(\d+)", " ".join(link.text.lower().split())):
            assert re.search(PLACES[said[1]].format(int(said[2])), link["href"]), link
        link.replace_with("\x00")
    for apart in article.find_all(re.compile("^(script|style|pre|svg|code|summary|button|nav|h[1-4])$")):
        apart.replace_with(" ")
    kinds = ["[Cc]hapters?", "(?:erratum|slips?)"]
    if page not in CHAPTERS and page != "book/equations":
        kinds.append(r"Eqs?\.")
    bare = [found for kind in kinds for found in re.findall(BY_NUMBER.format(kind), article.text)]
    own = rf"[Cc]hapter\s0?{int(page[9:11])}" if page in CHAPTERS else "none"
    assert [found for found in bare if not re.fullmatch(own, found)] == []


def test_start_page_passes_the_ten_second_test(visit):
    """What, for whom, where to begin, and a picture being painted: on the first screen, which the page moves itself."""
    for size in ({"width": 1440, "height": 900}, {"width": 390, "height": 844}):
        tab = visit("book/index", size=size, fresh=True)
        for what in ("article h1", ".front > div > p", ".front .start a", ".front canvas >> nth=0"):
            box = tab.locator(what).first.bounding_box()
            assert box["y"] >= 0 and box["y"] + box["height"] <= size["height"], what
        assert "students" in tab.locator(".front").inner_text()
        box = tab.locator(".front .paint-interactive")
        before = shown(tab, box)
        tab.locator(".front input").focus()
        tab.keyboard.press("Home")
        assert shown(tab, box) != before
    moving = tab.context.browser.new_context(reduced_motion="no-preference").new_page()
    moving.goto(tab.url)
    moving.wait_for_function("document.querySelector('.front input').value >= 3")
    for map_link in moving.locator(".paint-map a").all():
        assert map_link.get_attribute("aria-label")


QUERIES = {
    "01": ("reverse SDE", "tweedie formula", "probability flow", "noise schedule ddpm"),
    "02": ("closed form", "woodbury", "gaussian solution derivation"),
    "03": ("rotation", "what is slerp", "conserved quantity"),
    "04": ("outline first", "emergence", "power spectrum", "principal components", "colored noise"),
    "05": ("perturbation", "nudge"),
    "06": ("samplers heun", "discretization error", "playground"),
    "07": ("memorization", "softmax attention", "mean shift", "exact score"),
    "08": ("mixture of gaussians", "speciation"),
    "10": ("boomerang", "PCA of the trajectory"),
    "12": ("teleportation", "fewer steps"),
    "13": ("FID", "optimal time steps"),
    "14": ("prompt", "stable diffusion"),
    "16": ("classifier-free guidance", "guidance scale"),
    "17": ("locality", "creativity"),
    "18": ("autoguidance", "order of learning"),
}


def test_search_finds_the_right_chapter_first_even_from_disk(browser, site):
    tab, errors = browser.new_page(), []
    tab.on("pageerror", lambda error: errors.append(error))
    tab.goto((site / "search.html").as_uri())
    tab.wait_for_function("Search.hasIndex()")
    first = "(query) => Search._performSearch(...Search._parseQuery(query)).at(-1)[0]"
    asked = {query: number for number, queries in QUERIES.items() for query in queries}
    assert len(asked) >= 30
    found = {query: tab.evaluate(first, query) for query in asked}
    there = {page.split("/")[1][:2] for page in CHAPTERS}
    wrong = {q: found[q] for q, number in asked.items() if number in there and f"/{number}_" not in found[q]}
    assert wrong == {}
    text = r"<main role='main'>of \(N\) at \(\alpha_t = 1\), \[\tfrac{1}{2}\] left</main>"
    assert tab.evaluate("(page) => Search.htmlToText(page)", text) == "of N at alpha _t = 1, … left"
    assert "/07_" in tab.evaluate(first, "why do diffusion models memorize"), "more words than the index has"
    assert errors == []


def interactives(tab):
    boxes = tab.locator(".paint-interactive")
    assert boxes.count() >= 1, "a chapter has at least one interactive"
    return [boxes.nth(i) for i in range(boxes.count())]


def shown(tab, box):
    tab.wait_for_timeout(150)
    return box.evaluate("box => page.shown(box)")


def controls(box):
    found = box.locator('input[type="range"], [data-control]')
    assert found.count() >= 1 and box.locator("[data-output]").count() >= 1
    return [found.nth(i) for i in range(found.count())]


def starts_low(control):
    """Whether a slider stands in its lower half: then it is moved up, for a move may not end where it began."""
    return control.evaluate("c => c.matches('input[type=range]') && 2 * c.value < +c.min + +c.max")


@chapters
def test_interactive_answers_the_mouse(visit, page):
    tab = visit(page, fresh=True)
    for box in interactives(tab):
        for control in controls(box):
            control.scroll_into_view_if_needed()
            before, area = shown(tab, box), control.bounding_box()
            end = 0.77 if starts_low(control) else 0.23
            tab.mouse.move(area["x"] + area["width"] * 0.5, area["y"] + area["height"] / 2)
            tab.mouse.down()
            tab.mouse.move(area["x"] + area["width"] * end, area["y"] + area["height"] / 2, steps=4)
            tab.mouse.up()
            assert shown(tab, box) != before


@chapters
def test_interactive_answers_the_keyboard(visit, page):
    tab = visit(page, fresh=True)
    for box in interactives(tab):
        for control in controls(box):
            before = shown(tab, box)
            control.focus()
            assert control.evaluate("c => document.activeElement === c"), "a control takes the focus"
            if control.evaluate("c => c.matches('button, [role=button]')"):
                tab.keyboard.press("Enter")
            else:
                up = starts_low(control)
                for key in ("ArrowRight", "ArrowRight", "ArrowUp") if up else ("ArrowLeft", "ArrowLeft", "ArrowDown"):
                    tab.keyboard.press(key)
            assert shown(tab, box) != before


@chapters
def test_interactive_controls_have_names(visit, page):
    tab = visit(page, fresh=True)
    for box in interactives(tab):
        for control in controls(box):
            name = control.evaluate("c => c.getAttribute('aria-label') || c.labels?.[0]?.textContent || c.textContent")
            assert name and name.strip()


@pages
def test_page_says_what_it_is_about_how_old_it_is_and_where_it_lives(site, page):
    text = (site / f"{page}.html").read_text(encoding="utf-8")
    home = "https://painters.github.io/book/"
    about = re.search(r'<meta name="description" content="([^"]{50,200})"', text)
    assert about and f'<meta property="og:description" content="{about[1]}"' in text
    assert f'<link rel="canonical" href="{home}{page}.html"' in text
    assert f'<meta property="og:image" content="{home}_static/card.png"' in text
    assert (site / "_static/card.png").is_file()
    assert "CC BY 4.0. Code: MIT" in text
    assert re.search(r"<p>Version [\d.]+(, this page of \d{4}-\d\d-\d\d)?\.</p>", text)
    assert f"<loc>{home}{page}.html</loc>" in (site / "sitemap.xml").read_text(encoding="utf-8")
    if page in CHAPTERS:
        assert f"colab.research.google.com/github/painters/book/blob/colab/{page}.ipynb" in text
        assert "Cite this chapter" in text and f"url = {{{home}{page}.html}}" in text


def test_titles_and_descriptions_differ(site):
    heads = [(site / f"{page}.html").read_text(encoding="utf-8").split("</head>")[0] for page in PAGES]
    for what in (r"<title>([^<]+)", r'name="description" content="([^"]+)'):
        found = [re.search(what, head)[1] for head in heads]
        assert len(set(found)) == len(found)


def test_a_wrong_address_gets_a_page_that_leads_home(site):
    text = (site / "404.html").read_text(encoding="utf-8")
    assert 'href="/book/index.html"' in text and not re.search(r"(src|href)=\"(?!/book/)", text)


def test_without_an_address_nothing_speaks_of_one(tmp_path):
    """A small book of two pages and a chapter, built with no address."""
    toc = {"format": "jb-book", "root": "book/index"}
    toc["chapters"] = [{"file": "book/use"}, {"file": "book/errata"}, {"glob": "chapters/06_*"}]
    (tmp_path / "toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    program = Path(sys.executable).with_name("jupyter-book")
    command = [program, "build", ROOT, "--toc", tmp_path / "toc.yml", "--path-output", tmp_path]
    env = {name: value for name, value in os.environ.items() if name != "BOOK_ADDRESS"}
    subprocess.run(list(map(str, command)), check=True, capture_output=True, stdin=subprocess.DEVNULL, env=env)
    html = tmp_path / "_build/html"
    for path in [html / "book/use.html", *html.glob("chapters/06_*.html")]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"canonical|og:image|colab\.research|github\.com|not set yet|published:", text), path.name
        assert 'name="description"' in text
    assert not (html / "sitemap.xml").exists()


def test_the_book_is_printed_with_contents_numbers_and_links(site, tmp_path):
    """Three pages of it in a process of its own, for Playwright runs here already."""
    code = (
        "import sys; sys.path.insert(0, 'book/tools'); import pathlib, pdf; "
        "pdf.join(pathlib.Path(sys.argv[1]), sys.argv[2], [f'book/{n}.html' for n in ('errata', 'use', 'notation')])"
    )
    target = tmp_path / "book.pdf"
    subprocess.run([sys.executable, "-c", code, str(site), str(target)], check=True, cwd=ROOT)
    book = PdfReader(target)
    front = book.pages[0].extract_text()
    start = int(re.search(r"Notation\s+(\d+)", front)[1])
    assert re.search(r"Before you start\s+How to use this book", front), "the part that begins there"
    assert "Notation" in book.pages[start - 1].extract_text() and 2 < start <= len(book.pages)
    assert [entry.title for entry in book.outline] == ["Errata of the paper", "How to use this book", "Notation"]
    assert "np.linalg.qr" in book.pages[1].extract_text(), "the proofs stand on paper"
    for number, page in enumerate(book.pages[1:], 2):
        assert re.search(rf"(^|\s){number}\s*$", page.extract_text().strip())
    links = [a.get_object()["/A"] for page in book.pages for a in page.get("/Annots", [])]
    assert any(link["/S"] == "/GoTo" for link in links) and not [x for x in links if "127.0.0.1" in str(x.get("/URI"))]
