"""The extensions that finish the site: what they change in a page, and what they leave."""

import importlib.util
import json
import re
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]


def load(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / f"book/tools/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sys.path.insert(0, str(ROOT / "book/tools"))
pages, landing, printed = load("pages"), load("landing"), load("printed")
LIBRARY = '{sun:[512,512,[9728],"f185","M1"],"file-pdf":[9,9,[],"f1","M2"]},{sun:[512,512,[9728],"f185","M3"]}'


def test_an_icon_is_drawn_where_it_stands():
    page = pages.with_icons('<i class="theme-switch fa-solid fa-sun fa-lg" title="Light"></i>', LIBRARY)
    assert 'class="icon theme-switch fa-lg" title="Light"' in page
    assert '<svg viewBox="0 0 512 512" aria-hidden="true"><path d="M3"/></svg></i>' in page
    with pytest.raises(LookupError, match="'moon'"):
        pages.with_icons('<i class="fas fa-moon"></i>', LIBRARY)


def test_a_script_goes_only_where_nothing_needs_it():
    script = '<script defer="defer" src="../_static/mathjax/startup.js?v=1"></script>'
    theme = '<link rel="stylesheet" href="../_static/styles/theme.css" />'
    assert pages.without_unused(script + theme) == theme
    with_formula = script + '<span class="math notranslate">x</span>'
    assert pages.without_unused(with_formula) == with_formula


def test_scripts_of_the_head_wait():
    head = '<script src="a.js"></script><script defer="defer" src="b.js"></script>'
    head += "<script>DOCUMENTATION_OPTIONS.x = 1</script>"
    patient = pages.with_patient_scripts(head + "</head><script>stays</script>")
    assert patient.count('<script defer="defer" src=') == 2 and '<script type="module">DOCUMENTATION' in patient
    assert patient.endswith("</head><script>stays</script>") and pages.with_patient_scripts(patient) == patient


def test_the_scripts_of_interactives_are_files_of_their_own():
    page = '<div><p class="fallback">One.</p><script>f("</p>")</script></div>'
    moved, files = pages.apart(page + "<script>stays</script>")
    (name,) = files
    assert files[name] == 'f("</p>")' and moved.endswith("<script>stays</script>")
    assert f'One.</p><script defer="defer" src="../_static/interactives/{name}"></script></div>' in moved
    assert pages.apart(moved) == (moved, {})


def test_a_page_has_one_style_sheet_with_all_in_it(tmp_path):
    link = '<link href="../_static/{}" rel="stylesheet" />'
    page = link.format("styles/theme.css?digest=1") + link.format("book.css?v=2") + "<p>" + link.format("book.css")[:5]
    one, (name, files) = pages.with_one_style(page)
    assert one == f'<link rel="stylesheet" href="../_static/styles/{name}" />\n<p><link'
    (tmp_path / "styles").mkdir()
    (tmp_path / "basic.css").write_text("a{background:url(file.png) url(data:x)}")
    (tmp_path / "styles/theme.css").write_text('@charset "UTF-8";@import "../basic.css";b{}')
    (tmp_path / "book.css").write_text("c{}")
    assert pages.joined(files, tmp_path) == "a{background:url(../file.png) url(data:x)}b{}\nc{}"


def test_a_picture_has_its_size_and_waits(tmp_path):
    png = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (640).to_bytes(4, "big") + (480).to_bytes(4, "big")
    (tmp_path / "_images").mkdir()
    (tmp_path / "_images/a.png").write_bytes(png)
    said = pages.with_sizes('<img alt="A" src="_images/a.png" style="width: 320px; height: 240.0px;" />', tmp_path)
    assert '<a class="enlarge" href="_images/a.png"><img alt="A"' in said
    assert 'width="320" height="240" loading="lazy"' in said and "style" not in said
    (tmp_path / "_images/b.png").write_bytes(png + b"\0\0\0\x09pHYs" + 2 * (11339).to_bytes(4, "big") + b"\1")
    dense = pages.with_sizes('<img alt="B" src="_images/b.png" style="width: 320px; height: 240.0px;" />', tmp_path)
    assert 'width="213" height="160"' in dense, "288 dots per inch: a third"
    assert 'width="640" height="480"' in pages.with_sizes('<img alt="A" src="_images/a.png" />', tmp_path)
    assert pages.with_sizes(said, tmp_path) == said, "finished once is finished"


def test_table_headings_have_names():
    page = (
        r'<th class="head"><p></p></th><th class="head"><p><span class="math notranslate">\(N=3{,}000\)</span></p></th>'
    )
    named = pages.with_names(page)
    assert named.startswith("<td></td>") and '<th class="head" aria-label="N=3,000"><p><span' in named


def test_the_room_of_a_formula_grows_with_what_will_be_seen_of_it():
    x, hat, fraction, sum_ = (pages.estimate(tex) for tex in ("x", r"\hat x", r"\kappa=\sigma/\alpha", "x_{t} + 1"))
    assert x == hat < sum_ < fraction < 5 * x + 2


def test_a_formula_and_the_marks_beside_it_are_one_and_so_is_a_named_number():
    formula = r'<span style="--room: 1em" class="math notranslate nohighlight">\(x < y\)</span>'
    for before, after in (("(", "),"), ("", "."), ("", "-th")):
        whole = f'a <span class="whole">{before}{formula}{after}</span> b'
        assert pages.with_whole(f"a {before}{formula}{after} b") == whole
    assert pages.with_whole(f"a {formula} b") == f"a {formula} b"
    link = '<a href="x"><span class="std">chapter{}7</span></a>'
    assert pages.with_whole(link.format(" ")) == link.format("&#160;")


def test_the_ledger_says_at_its_head_that_it_takes_all_the_room():
    page = '<div class="bd-content"><div class="{} docutils"></div></div>'
    assert pages.with_room(page.format("ledger")) == page.format("ledger").replace("bd-content", "bd-content alone")
    assert pages.with_room(page.format("other")) == page.format("other")


def output(text):
    return f'<div class="output stream"><div class="highlight"><pre><span></span>{text}\n</pre></div></div>'


def test_what_fits_a_phone_stays_and_words_wrap():
    """Marks and entities are no columns."""
    wide = "a &lt; b\n" + 95 * "x" + '<span class="k">&amp;</span>'
    assert printed.with_columns(output(wide)) == output(wide).replace(
        "<pre><span></span>", '<pre style="--columns: 96">'
    )
    words, table = "seen " * 12, "rank    seen    said    kept    left    lost    gone"
    assert f'<span class="words">{words}</span>' in printed.with_columns(output(words + "\n" + table))
    assert f'<span class="words" style="--indent: 2ch">  {words}</span>' in printed.with_columns(output("  " + words))
    aligned = "kappa =   9.00: the picture has  3 % of what the noise has"
    assert printed.with_columns(output(aligned)).count('class="words"') == 1
    for same in (output(40 * "x").replace("<span></span>", ""), f"<pre>{95 * 'x'}</pre>"):
        assert printed.with_columns(same) == same


def test_a_table_that_a_panel_shows_stays_one_in_both_forms():
    gap = 16 * " "
    table = gap.join(["rank", "seen", "said"]) + "\n" + gap.join(["   1", "0.12", "0.34"])
    page = printed.with_columns(f'<div class="output text_html"><pre class="paint-live">{table}</pre></div>')
    assert re.findall(r'<pre class="([^"]*)"', page) == ["broad paint-live", "narrow paint-live"]


def on_a_phone(text):
    lines = text.split("\n")
    found, columns = printed.narrow(lines, printed.wrap(lines))
    assert columns <= printed.LEAST
    return [re.sub("<[^>]+>", "", line) for line in found]


def test_a_wide_table_stands_in_parts_each_with_the_names_of_its_rows():
    """Rows told apart by two columns, a title among rows, words after them."""
    rows = [("photos", 20, 1, 2), ("photos", 5, 3, 4), ("clothes", 20, 5, 6)]
    lines = [f"{n:<10}{k:>10}{f'{a:.2f} (0.01 to 9.99)':>40}{f'{b:.2f} ± 0.05':>24}" for n, k, a, b in rows]
    head = f"{'kappa':>20}{'by the first of the two painters':>40}{'by the other one':>24}"
    table = "\n".join([head, *lines[:2], "  and others:", lines[2], "all by their means, which are those of the album"])
    assert on_a_phone(table) == [
        "         kappa  by the first of the two painters",
        "photos      20               1.00 (0.01 to 9.99)",
        "photos       5               3.00 (0.01 to 9.99)",
        "  and others:",
        "clothes     20               5.00 (0.01 to 9.99)",
        "",
        "         kappa  by the other one",
        "photos      20       2.00 ± 0.05",
        "photos       5       4.00 ± 0.05",
        "  and others:",
        "clothes     20       6.00 ± 0.05",
        "all by their means, which are those of the album",
    ]


def test_headings_that_drift_from_their_columns_find_them_and_a_long_one_stands_above():
    head = "what is explained, kappa =" + "".join(f"{k:>14}" for k in (10, 5, 2, 1))
    rows = [f"{name:<26}" + 4 * f"{share:>13}" for name, share in (("one", "0.25 ± 0.05"), ("two", "0.75 ± 0.05"))]
    assert on_a_phone("\n".join([head, *rows])) == [
        "what is explained, kappa =",
        "              10            5            2            1",
        "one  0.25 ± 0.05  0.25 ± 0.05  0.25 ± 0.05  0.25 ± 0.05",
        "two  0.75 ± 0.05  0.75 ± 0.05  0.75 ± 0.05  0.75 ± 0.05",
    ]


def test_an_interval_that_is_printed_stays_on_one_line():
    line = "among so many words 0.23 ± 0.03 and -1.5 [-2.0, 1,000.5] (50% to 60%), not [5, 6, 7] (of it)"
    wholes = re.findall(r'<span class="whole">(.*?)</span>', printed.words(line))
    assert wholes == ["0.23 ± 0.03", "[-2.0, 1,000.5]", "(50% to 60%)"]
    assert printed.plain(printed.words(line)) == line


def test_rows_in_columns_are_a_table_though_little_room_is_between_them():
    rows = [f"{name:<10}  nearest picture 0.3 [0.2, 0.4]   nearest patches 0.1 [0.0, 0.2]" for name in ("a", "b", "c")]
    assert not any(printed.wrap([*rows, "what was said of them in words, and longer than a phone"])[:3])
    assert all(printed.wrap(rows[:2])) and all(printed.wrap([" ".join(row.split()) for row in rows]))
    assert on_a_phone("\n".join(rows))[:3] == [f"{name}  nearest picture 0.3 [0.2, 0.4]" for name in "abc"]


def test_numbers_that_head_columns_but_stand_beside_them_are_put_over_them():
    head = f"{'k =':>36}" + "".join(f"{k:>7}" for k in (1, 10, 100, 1000))
    names = ("the state should be 1:", "the estimate:")
    rows = [f"   {name:<29}" + "".join(f"{share:7.3f}" for share in range(4)) for name in names]
    assert on_a_phone("\n".join([head, "DDPM             alpha = 0.0064", *rows])) == [
        "k =",
        f"{1:>38}{10:>7}{100:>7}{1000:>7}",
        "DDPM             alpha = 0.0064",
        f"{'   the state should be 1:':<33}0.000  1.000  2.000  3.000",
        f"{'   the estimate:':<33}0.000  1.000  2.000  3.000",
    ]


def test_what_is_no_table_wraps_set_in():
    lines = ["  one: " + "better " * 9, "  another:  " + "worse " * 9, ""]
    found, columns = printed.narrow(lines, [False] * 3)
    assert columns == printed.PHONE and found[2] == ""
    assert all(line.startswith('<span class="hung" style="--indent: 2ch">') for line in found[:2])


@pytest.mark.parametrize("path", sorted(ROOT.glob("chapters/*.ipynb")), ids=lambda path: path.name[:2])
def test_a_phone_shows_each_number_that_a_cell_prints(path):
    """No number is lost or made in the parts: each is as often there, or oftener as the name of a row or in a title."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        for said in ("".join(o.get("text", [])) for o in cell.get("outputs", []) if o["output_type"] == "stream"):
            lines = said.split("\n")
            wraps = printed.wrap(lines)
            if all(wrap or len(line) <= printed.PHONE for line, wrap in zip(lines, wraps, strict=True)):
                continue
            seen = Counter("\n".join(on_a_phone(said)).split())
            assert not Counter(said.replace("<", "&lt;").replace(">", "&gt;").split()) - seen - Counter("|" * 99)


def test_the_page_has_its_theme_before_its_text_and_the_theme_measures_nothing_anew():
    page = f"<script>{pages.THEME}</script>"
    assert "matchMedia" in pages.with_theme(page) and '"auto";' not in pages.with_theme(page)
    call = ',"complete"===document.readyState?O():window.addEventListener("load",O)'
    assert pages.without_measuring(f"a(){call})()") == "a())()"
    with pytest.raises(LookupError, match="0 times"):
        pages.without_measuring("a())()")


def test_long_names_in_tables_may_break_where_their_parts_end():
    code = '<code class="docutils"><span class="pre">{}</span></code>'
    name = "test_gaussian.py::test_eq_13[2]"
    broken = "test_<wbr>gaussian.<wbr>py::<wbr>test_<wbr>eq_<wbr>13[2]"
    cell = "<td><p>" + code + "<br />" + code + "</p></td>"
    assert pages.with_breaks(cell.format(name, "xi")) == cell.format(broken, "xi")
    assert pages.with_breaks(code.format(name)) == code.format(name), "in the text it stays whole"


def test_a_fold_is_named_by_what_its_cell_holds_and_hints_are_counted_within_their_exercise():
    title = '<p class="collapsed admonition-title">Show code cell content</p>'
    cell = (
        '<div class="cell tag_{} tag_hide-cell docutils container">\n<details class="admonition hide above-input">\n'
        f'<summary aria-label="Toggle hidden content">{title}</summary></details></div>'
    )
    hint, solution = cell.format("hint"), cell.format("solution")
    page = f'<section id="exercise-1">{hint}{hint}{solution}</section><section id="exercise-2">{hint}</section>'
    named = pages.with_named_folds(page)
    holds = ["Hint 1 of 2", "Hint 2 of 2", "Code of the solution", "Hint 1 of 1"]
    assert re.findall(r'-title">([^<]*)', named) == holds
    assert "aria-label" not in named and pages.with_named_folds(named) == named


def test_a_number_stays_on_the_line_of_its_word_and_of_its_sign():
    def united(text):
        return pages.with_numbers(f"<article>{text}</article>")[9:-10].replace("&#160;", "_")

    assert united("0.23 ± 0.03") == "0.23_±_0.03"
    assert united("Eq. 7, Figs. 4 and 5, App. B, Table 2: 17.16\n% of Exercise 10.2") == (
        "Eq._7, Figs._4 and 5, App._B, Table_2: 17.16_% of Exercise_10.2"
    )
    for kept in ("Eq. and 7", "a % of", "<pre>5 % of Eq. 7</pre>", '<img alt="Table 2, 5 %"/>'):
        assert united(kept) == kept


def test_what_the_text_names_by_its_number_becomes_a_link():
    places = {"chapter": {4: "4", 7: "7"}, "erratum": {1: "e1", 2: "e2"}, "equation": {8: "q8", 9: "q9"}}

    def linked(text):
        page = pages.with_links(f"<h1>chapter 4</h1><article>{text}</article>", places)
        text = page.partition("<article>")[2].partition("</article>")[0]
        return text.replace(' class="reference internal"', "").replace("&#160;", "_")

    assert linked("as chapter\n4 says") == 'as <a href="4">chapter_4</a> says'
    assert linked("chapters 4, 5 and 7") == 'chapters <a href="4">4</a>, 5 and <a href="7">7</a>'
    assert linked("erratum E1; slips E2, E1") == (
        '<a href="e1">erratum_E1</a>; slips <a href="e2">E2</a>, <a href="e1">E1</a>'
    )
    assert linked("(Eq. 9), Eqs. 8-10") == '(<a href="q9">Eq._9</a>), Eqs. <a href="q8">8</a>-10'
    for kept in (
        '<a href="x">chapter <b>4</b></a>',
        "<code>chapter 4</code>",
        "chapter 9",
        "chapter 4.2",
        "<h2>chapter 4</h2>",
    ):
        assert linked(kept) == kept


def test_each_row_of_the_ledger_is_a_place_and_no_other_row():
    row = '<tr {}class="row-even"><td><p>1</p></td>'
    page = '<div class="ledger docutils"><table>{}</table></div><table>{}</table>'
    assert pages.with_rows(page.format(row.format(""), row.format(""))) == page.format(
        row.format('id="eq-1" '), row.format("")
    )


def test_rules_go_that_nothing_on_the_site_can_use():
    icons = '@font-face{font-family:"Font Awesome 6"}a{b:c}.fa-sun:before{d:e}'
    css = icons + ".in .use,.fa-moon{f:g}@media print{.gone{h:i}.in{j:k}}"
    kept = pages.without_unused_rules(css, pages.classes('["in", "use"]'))
    assert kept == "a{b:c}.in .use{f:g}@media print{.in{j:k}}"


def test_each_chapter_has_its_line_and_nothing_is_needed_that_comes_later():
    book = landing.chapters()
    assert set(book) <= set(landing.LINES)
    assert landing.listed(book).count("../chapters/") == len(book)
    at = landing.places(landing.direct(book))
    assert all(at[n][1] < at[k][1] for k, c in book.items() for n in c.needs)


def test_the_map_leaves_out_what_comes_with_another_need():
    def chapter(*needs):
        return SimpleNamespace(needs=list(needs))

    book = {"01": chapter(), "02": chapter("01"), "03": chapter("01", "02"), "04": chapter("01")}
    assert landing.direct(book) == {"01": [], "02": ["01"], "03": ["02"], "04": ["01"]}
