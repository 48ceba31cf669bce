"""A Sphinx extension that finishes the built pages, when all are written.

A page loads one style sheet, and only what it uses: the theme's icons stand in the page as drawings, so the script that
draws thousands of them goes, and the formulas' script, the tabs' and the code's go from pages without formulas, tabs
and code.
A chapter's text does not wait for its interactives: their scripts, with the data in them, are files of their own.
Pictures carry their size, so that nothing moves when they come, and wait until they are near the screen.
What cells print fits every screen (printed.py); long names in tables may break behind a stroke, a point or a colon.
A folded hint says how many there are, and a fold's name is the text on it. Where the text names a chapter or an
erratum, that is a link, and in the pages around the chapters so is an equation of the paper, to its row of the ledger.
"""

import hashlib
import html
import re
from functools import cache
from pathlib import Path

from printed import with_columns

# What may go from a page (part of a file's name) if the page's text has no match of the pattern.
ONLY_FOR = {
    "mathjax/": r'class="math ',
    "sphinx-design": r'class="(?:[^"]* )?sd-',
    "design-tabs": r'class="(?:[^"]* )?sd-',
    "sphinx-thebe": r'class="(?:[^"]* )?thebe',
    "togglebutton": r'class="(?:[^"]* )?(?:toggle|admonition(?: [^"]*)? dropdown)[ "]',
    "mystnb": r'class="(?:[^"]* )?cell[ "]',
    "clipboard": r'class="highlight',
    "copybutton": r'class="highlight',
    "fontawesome": r"(?!)",
}
ICON = re.compile(r'<(i|span) class="([^"]*\bfa[srb]?[ -][^"]*)"([^>]*)>\s*</\1>')
SIZES = {"fa-lg", "fa-solid", "fa-regular", "fas", "far", "fa"}


@cache
def drawing(name, library):
    """A solid icon of Font Awesome by its name: (width, height, path). The solid ones come last in its file."""
    found = re.findall(rf'[{{,]"?{name}"?:\[(\d+),(\d+),\[[^\]]*\],"[0-9a-f]+","([^"]+)"\]', library)
    if not found:
        raise LookupError(f"the theme shows an icon {name!r} that its Font Awesome does not have")
    return found[-1]


def with_icons(page, library):
    """The page with each icon drawn where it stands."""

    def draw(match):
        tag, classes, rest = match.groups()
        (name,) = [c.removeprefix("fa-") for c in classes.split() if c.startswith("fa-") and c not in SIZES]
        width, height, path = drawing(name, library)
        kept = " ".join(["icon", *(c for c in classes.split() if c == "fa-lg" or not c.startswith("fa"))])
        svg = f'<svg viewBox="0 0 {width} {height}" aria-hidden="true"><path d="{path}"/></svg>'
        return f'<{tag} class="{kept}"{rest}>{svg}</{tag}>'

    return ICON.sub(draw, page)


def without_unused(page):
    """The page without the scripts and styles that nothing on it needs."""
    unused = [file for file, use in ONLY_FOR.items() if not re.search(use, page)]

    def judge(match):
        return "" if any(file in match[1] for file in unused) else match[0]

    page = re.sub(r'<script [^>]*src="([^"]*)"[^>]*></script>\n?', judge, page)
    return re.sub(r'<link [^>]*href="([^"]*)"[^>]*>\n?', judge, page)


def with_patient_scripts(page):
    """Scripts of the head wait until the page stands; the one line among them that needs another waits with them."""
    head, rest = page.split("</head>", 1)
    head = re.sub(r'<script (?![^>]*\b(?:defer|async)\b)([^>]*src=")', r'<script defer="defer" \1', head)
    return (
        head.replace("<script>DOCUMENTATION_OPTIONS", '<script type="module">DOCUMENTATION_OPTIONS') + "</head>" + rest
    )


INTERACTIVE = re.compile(r'(<p class="fallback">[^<]*</p>)<script>(.*?)</script>', re.S)


def apart(page):
    """A page whose interactives have their scripts in files of their own, and the files {name: script}."""
    files = {}

    def move(match):
        name = hashlib.sha256(match[2].encode()).hexdigest()[:16] + ".js"
        files[name] = match[2]
        return f'{match[1]}<script defer="defer" src="../_static/interactives/{name}"></script>'

    return INTERACTIVE.sub(move, page), files


STYLE = re.compile(r'<link (?=[^>]*rel="stylesheet")[^>]*href="\.\./_static/([^"?]+)(\?[^"]*)?"[^>]*>\s*')


def with_one_style(page):
    """A page with one style sheet, which a phone has to ask for once, and (its name, the files that it is made of)."""
    links = STYLE.findall(page)
    name = f"{hashlib.sha256(repr(links).encode()).hexdigest()[:16]}.css"
    first = iter([f'<link rel="stylesheet" href="../_static/styles/{name}" />\n'])
    return STYLE.sub(lambda link: next(first, ""), page), (name, tuple(file for file, _ in links))


def joined(files, static):
    """The text of style sheets in the folder _static, for one in _static/styles; what they import is in it."""

    def text(file):
        css = (static / file).read_text(encoding="utf-8").replace('@charset "UTF-8";', "")
        css = re.sub(r'@import "\.\./([^"]+)";', lambda other: text(other[1]), css)
        return css if "/" in file else re.sub(r"url\((?=\w+\.)", "url(../", css)

    return "\n".join(map(text, files))


THEME = 'document.documentElement.dataset.theme = localStorage.getItem("theme") || "auto";'
RESOLVED = """
    { const { dataset } = document.documentElement;
      dataset.theme = dataset.mode !== "auto" ? dataset.mode
        : matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"; }"""


def with_theme(page):
    """The page is light or dark before its text comes; the theme's script would change it, and lay it out, again."""
    return page.replace(THEME, RESOLVED.strip())


def without_measuring(script):
    """The theme's script without its look at each box in turn for what scrolls; book.js looks at all at once."""
    call = r',"complete"===document\.readyState\?(\w)\(\):window\.addEventListener\("load",\1\)'
    script, found = re.subn(call, "", script)
    if found != 1:
        raise LookupError(f"the theme's script looks for what scrolls {found} times, not once: read it again")
    return script


def size(tag, file):
    """Width and height on the page, in its pixels: by the PNG's dots per inch, as the output says, or those of the PNG.

    An inch is 96 pixels, so that letters are as large in one figure as in another.
    """
    head = file.read_bytes()[:4096]
    pixels = (int.from_bytes(head[16:20]), int.from_bytes(head[20:24])) if head[1:4] == b"PNG" else None
    density = head.partition(b"pHYs")[2]
    if pixels and len(density) > 8 and density[8] == 1:  # dots per metre
        return tuple(round(n / (int.from_bytes(density[:4]) * 0.0254) * 96) for n in pixels)
    said = re.search(r'style="width: (\d+)[\d.]*px; height: (\d+)[\d.]*px;?"', tag)
    return said.groups() if said else pixels


def with_sizes(page, folder):
    """Pictures with their size, which wait; a chapter's figure opens at full size when it is pressed."""
    page = re.sub(r'<a class="reference internal image-reference"[^>]*>\s*(<img [^>]*>)\s*</a>', r"\1", page)

    def mend(match):
        tag, source = match[0], match[1]
        place = size(tag, folder / source)
        if 'loading="' in tag or place is None:
            return tag
        tag = re.sub(r' style="[^"]*"', "", tag).removesuffix("/>").removesuffix(">").rstrip()
        tag += f' width="{place[0]}" height="{place[1]}" loading="lazy" decoding="async" />'
        return f'<a class="enlarge" href="{source}">{tag}</a>' if "_images/" in source else tag

    return re.sub(r'<img [^>]*?src="((?!data:|https?:)[^"]+)"[^>]*>', mend, page)


def with_names(page):
    """The sidebar is a landmark, an empty corner of a table no heading, and a heading that is a formula has a name."""
    page = page.replace(
        'class="bd-sidebar-primary bd-sidebar">',
        'class="bd-sidebar-primary bd-sidebar" role="region" aria-label="The book">',
    )
    page = re.sub(r'<th class="head[^"]*">\s*(?:<p>\s*</p>)?\s*</th>', "<td></td>", page)

    page = page.replace(' role="doc-biblioentry"', "").replace(
        ' role="list" class="citation-list"', ' class="citation-list"'
    )

    def name(match):
        said = re.sub(r"[\\\\{}$]", "", match[2]).replace('"', "'")
        return f'<th class="head" aria-label="{said}">{match[1]}'

    return re.sub(r'<th class="head[^"]*">(<p><span class="math[^>]*>\\\((.*?)\\\)</span></p>\s*</th>)', name, page)


NO_WIDTH = set(
    "hat bar tilde dot vec frac sqrt left right mathbf mathrm mathcal text operatorname big bigl bigr".split()
)
WIDE = set(r"= < > + - \approx \le \ge \to \propto \sim \pm \times \gg \ll \in \neq \equiv \rightarrow \infty".split())
NARROW = set("()[]|,.;:!/ijl")


def estimate(formula):
    """About how wide an inline formula will be, in em of the text around it."""
    width, small, depth = 0.0, None, 0
    for token in re.findall(r"\\[A-Za-z]+|\\.|\S", formula):
        if token in "^_":
            small = depth
            continue
        if token in "{}":
            depth += 1 if token == "{" else -1
        elif token.removeprefix("\\") not in NO_WIDTH or not token.startswith("\\"):
            word = (
                token[1:]
                if len(token) > 2 and token[1:] in ("log", "exp", "sin", "cos", "arctan", "max", "min")
                else ""
            )
            size = 0.5 * len(word) or (1.35 if token in WIDE else 0.35 if token in NARROW else 0.55)
            width += size * (1 if small is None else 0.7)
        if small is not None and token != "{" and depth <= small:
            small = None
    return 1.19 * width  # MathJax's letters against the page's


def with_widths(page):
    """Inline formulas that take, until they are set, about the room that they will need."""
    formula = re.compile(r'<span class="math notranslate nohighlight">\\\((.*?)\\\)</span>', re.S)

    def reserve(match):
        tex = html.unescape(match[1])
        return match[0].replace("<span ", f'<span style="--room: {estimate(tex):.1f}em" ', 1)

    return formula.sub(reserve, page)


def with_whole(page):
    """A formula and the marks beside it stay on one line, and so do a word and the number it names in a link."""
    formula = r'<span [^>]*class="math notranslate nohighlight"[^>]*>\\\(.*?\\\)</span>'
    beside = rf"([(\[“]*)({formula})((?:-th|th)?[.,;:!?)\]”]*)"
    page = re.sub(beside, lambda m: f'<span class="whole">{m[0]}</span>' if m[1] or m[3] else m[0], page, flags=re.S)
    return re.sub(r"(>\w+\.?)\s(E?\d+(?:</span>)?</a>)", r"\1&#160;\2", page)


def with_room(page):
    """The page of the ledger, which has no contents beside it, says so before its text comes: nothing moves then."""
    return page.replace('class="bd-content"', 'class="bd-content alone"') if '<div class="ledger' in page else page


FOLD = re.compile(
    r'(<div class="cell [^"]*\btag_(hint|solution)\b[^"]*">\s*<details [^>]*>\s*<summary)[^>]*>(.*?)</summary>', re.S
)


def with_breaks(page):
    """Names in the cells of tables, which may break where their parts end."""

    def part(match):
        return match[1] + re.sub(r"(?<=[_.:/])(?=[^\W_])", "<wbr>", match[2]) + match[3]

    def mend(cell):
        return re.sub(r'(<code [^>]*><span class="pre">)([^<]{16,})(</span>)', part, cell[0])

    return re.sub(r"<td>.*?</td>", mend, page, flags=re.S)


def with_named_folds(page):
    """A cell's fold is named by its tag, hints counted within their exercise; the text is the fold's name."""
    parts = re.split(r'(?=<section id="exercise-)', page)
    for n, part in enumerate(parts):
        hints = [kind for _, kind, _ in FOLD.findall(part)].count("hint")
        numbers = iter(range(1, hints + 1))

        def name(match, numbers=numbers, hints=hints):
            holds = f"Hint {next(numbers)} of {hints}" if match[2] == "hint" else "Code of the solution"
            titles = re.sub(r'(?<=-title">)[^<]*', holds, match[3])
            return f"{match[1]}>{titles}</summary>"

        parts[n] = FOLD.sub(name, part)
    return "".join(parts)


# Text stands between these: tags, and elements in which nothing is to be linked.
NO_TEXT = re.compile(r"<(script|style|pre|svg|a|h[1-6]|code|summary|button|nav)\b.*?</\1>|<[^>]+>", re.S)
NAMED = {"chapter": r"[Cc]hapters?", "erratum": r"(?:erratum|slips?)", "equation": r"Eqs?\."}
NUMBERS = r"E?\d{1,3}(?:(?:,\s|\sand\s|\sto\s|\sor\s|[-–])E?\d{1,3})*\b(?!\.\d)"


def in_text(page, mend):
    """The page with the text of its article mended, where that is no name, no link and no code."""
    head, article, rest = page.partition("<article")
    body, end, foot = rest.partition("</article>")
    parts, last = [], 0
    for match in NO_TEXT.finditer(body):
        parts += [mend(body[last : match.start()]), match[0]]
        last = match.end()
    return head + article + "".join(parts) + mend(body[last:]) + end + foot


def with_links(page, places):
    """What the article names by its number becomes a link, on one line; `places` are {"chapter": {number: address}}."""

    def link(text, address):
        if not address:
            return text
        whole = re.sub(r"\s", "&#160;", text)
        return f'<a class="reference internal" href="{address}">{whole}</a>'

    def linked(text):
        for kind, known in places.items():

            def each(match, known=known):
                numbers = re.findall(r"\d+", match[0])
                if len(numbers) == 1:
                    return link(match[0], known.get(int(numbers[0])))
                return re.sub(r"E?(\d+)", lambda one: link(one[0], known.get(int(one[1]))), match[0])

            text = re.sub(rf"\b{NAMED[kind]}\s{NUMBERS}", each, text)
        return text

    return in_text(page, linked)


COUNTED = r"(?:(?:Eq|Fig|Sec)s?\.|App\.|(?:Figure|Table|Section|Exercise)s?)"


def with_numbers(page):
    """A number stays on the line of its per cent sign, of its error and of the word that it counts (Fig. 4)."""

    def united(text):
        text = re.sub(rf"\b({COUNTED})\s(?=[A-Z]?\d|[A-Z]\b)", r"\1&#160;", text)
        return re.sub(r"(?<=\d)\s(?=%)", "&#160;", re.sub(r"(?<=[\d)])\s±\s(?=\d)", "&#160;±&#160;", text))

    return in_text(page, united)


ROW = re.compile(r'<tr (class="row-\w+"><td><p>(\d+)</p></td>)')


def with_rows(page):
    """The ledger, where each equation's row is a place that links lead to."""
    head, ledger, rest = page.partition('<div class="ledger')
    rows, end, foot = rest.partition("</table>")
    return head + ledger + ROW.sub(r'<tr id="eq-\2" \1', rows) + end + foot


def addresses(folder):
    """What `with_links` needs, for a page that lies one folder down, as all of the book's do."""
    chapters = {int(path.name[:2]): f"../chapters/{path.name}" for path in folder.glob("chapters/[0-9]*.html")}
    errata = re.findall(r'<section id="(e(\d+)-[^"]*)"', (folder / "book/errata.html").read_text(encoding="utf-8"))
    rows = [row for ledger in folder.glob("book/equations.html") for row in ROW.findall(ledger.read_text("utf-8"))]
    return {
        "chapter": chapters,
        "erratum": {int(number): f"../book/errata.html#{place}" for place, number in errata},
        "equation": {int(n): f"../book/equations.html#eq-{n}" for _, n in rows},
    }


def others(places, path):
    """The places that a page links to: a chapter not to itself; equations only from the pages around the chapters."""
    chapters = {n: address for n, address in places["chapter"].items() if Path(address).name != path.name}
    back = path.parent.name == "book" and path.stem != "equations"
    return places | {"chapter": chapters, "equation": places["equation"] if back else {}}


def classes(text):
    """All words of a page or a script that may be the name of a class."""
    return set(re.findall(r"[A-Za-z_][\w-]*", text))


def without_unused_rules(css, words):
    """A style sheet without the rules for classes that no page and no script names; `words` are all that they say."""

    def used(selector):
        return "\\" in selector or all(name in words for name in re.findall(r"\.([A-Za-z_-][\w-]*)", selector))

    def judge(match):
        selectors = match[1] if "(" in match[1] else ",".join(filter(used, match[1].split(",")))
        return selectors + match[2] if selectors.strip() else ""

    css = re.sub(r"@font-face\s*\{[^}]*Font ?Awesome[^}]*\}", "", css, flags=re.I)
    return re.sub(r"([^{}@;/]+)(\{[^{}]*\})", judge, css)


def finish(app, error):
    if error or app.builder.format != "html":
        return
    folder = Path(app.outdir)
    library = (folder / "_static/scripts/fontawesome.js").read_text(encoding="utf-8")
    places = addresses(folder)
    words = set().union(*(classes(path.read_text(encoding="utf-8")) for path in folder.glob("_static/**/*.js")))
    theme = folder / "_static/scripts/pydata-sphinx-theme.js"
    theme.write_text(without_measuring(theme.read_text(encoding="utf-8")), encoding="utf-8")
    interactives = folder / "_static/interactives"
    interactives.mkdir(exist_ok=True)
    styles = set()
    for path in folder.rglob("*.html"):
        if "_static" not in path.relative_to(folder).parts:
            page = path.read_text(encoding="utf-8")
            page = with_sizes(without_unused(with_icons(page, library)), path.parent)
            for mend in (
                with_theme,
                with_room,
                with_widths,
                with_whole,
                with_names,
                with_columns,
                with_breaks,
                with_named_folds,
            ):
                page = mend(page)
            if path.parent.name == "chapters":
                page, scripts = apart(page)
                for name, script in scripts.items():
                    (interactives / name).write_text(script, encoding="utf-8")
            if path.parent.name in ("book", "chapters"):
                page = with_patient_scripts(page)
                page = with_numbers(with_links(with_rows(page), others(places, path)))
                page, style = with_one_style(page)
                styles.add(style)
            path.write_text(page, encoding="utf-8")
            words |= set().union(*map(classes, re.findall(r'class="([^"]*)"', page)))
    for style in (folder / "_static/styles/pydata-sphinx-theme.css", *folder.glob("_static/mystnb.*.css")):
        style.write_text(without_unused_rules(style.read_text(encoding="utf-8"), words), encoding="utf-8")
    for name, files in styles:
        (folder / "_static/styles" / name).write_text(joined(files, folder / "_static"), encoding="utf-8")


def setup(app):
    app.connect("build-finished", finish, priority=900)  # the theme writes the colours of the code at this event too
    return {"parallel_read_safe": True, "parallel_write_safe": True}
