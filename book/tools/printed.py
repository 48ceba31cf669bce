"""What cells print, as it stands on the page: words wrap, and a table stays a table on every screen.

The style sheet sets a printed table smaller until it fits, by the number of its columns, which is written here. Where
letters would be too small for a phone, the page holds the table a second time, for narrow screens: room between columns
is taken out, and what is still too wide stands in parts one below the other, each with the names of the rows. What is
no table all the same wraps, its further lines set in.
"""

import html
import re
from itertools import groupby, pairwise

PHONE = 42  # columns of printed text that fit a screen of 360 pixels, within a fold, in letters of 11 pixels
LEAST = 60  # and in the smallest letters


def plain(line):
    """What a line of an output says, without its marks."""
    return html.unescape(re.sub(r"<[^>]+>", "", line))


def gaps(line):
    """The part of a printed line that is room between columns."""
    return sum(map(len, re.findall(r"(?<=\S) {2,}(?=\S)", line))) / max(1, len(line))


def mostly_numbers(line):
    found = [bool(re.match(r"[(\[≤±-]*(\d|$)", word)) for word in line.split()]
    return len(found) > 3 and sum(found) >= 0.5 * len(found)


def wrap(lines):
    """For each line whether it is words, which wrap where it is long; one of numbers beside a table belongs to it."""
    tabular = max(map(gaps, lines)) > 0.2  # a heading of a table is no sentence
    rows = aligned(lines)
    words = [len(x) > PHONE and gaps(x) <= (not tabular) and not (tabular and mostly_numbers(x)) for x in lines]
    return [said and not row for said, row in zip(words, rows, strict=True)]


def aligned(lines):
    """For each line whether it is one of three rows or more that have three cells and, on a phone, make a table."""
    rows = [i for i, line in enumerate(lines) if len(re.split(r" {2,}", line.strip())) > 2]
    found = len(rows) > 2 and table([lines[i].rstrip() for i in rows])
    return [bool(found) and i in rows for i in range(len(lines))]


def apart(beside):
    """Whether one blank in all rows stands between two columns; `beside` are the letters before and after it."""
    if beside[-1][0] == ":" and {x for x, _ in beside} <= {":", " "}:
        return True
    loose = any(x == " " != y for x, y in beside)  # a row has more room there

    def ends(x, y):
        number = y == "-" or y.isdigit()
        return " " in (x, y) or (number and (x in ")]%" or x.isdigit() or (loose and x.isalpha())))

    return all(ends(x, y) for x, y in beside)


def fields(rows):
    """The columns that rows share, as (from, to): between them all rows are blank."""
    width = max(map(len, rows))
    rows = [row.ljust(width) for row in rows]
    blank = [not any(row[i].strip() for row in rows) for i in range(width)]
    runs = [
        [i for _, i in run] for empty, run in groupby(zip(blank, range(width), strict=True), lambda x: x[0]) if empty
    ]

    def parts(run):
        a, b = run[0] - 1, run[-1] + 1
        if a < 0 or b >= width:
            return False
        return len(run) > 1 or apart([(row[a], row[b]) for row in rows])

    between = [run for run in runs if parts(run)]
    edges = [0, *(i for run in between for i in (run[0], run[-1] + 1)), width]
    return list(zip(edges[::2], edges[1::2], strict=True))


def by_place(rows):
    """The rows' cells, where all rows are blank between them."""
    cut = fields(rows)
    return [[row[a:b].rstrip() for a, b in cut] for row in rows]


def by_count(rows):
    """The rows' cells as each row tells them apart, if all have as many; a row of headings may have no name."""
    cells = [re.split(r" {2,}", row.strip()) for row in rows]
    most = max(map(len, cells))
    cells = [["", *x] if len(x) == most - 1 and row[:3].isspace() else x for x, row in zip(cells, rows, strict=True)]
    if {len(x) for x in cells} != {most}:
        return [[row] for row in rows]
    wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
    left = ["(" in cells[-1][i] or i == 0 for i in range(most)]
    return [[text.ljust(w) if to else text.rjust(w) for text, w, to in zip(x, wide, left, strict=True)] for x in cells]


def headed(rows):
    """A table's heading over the names of its rows, where it has one that is long: (heading, rows without it)."""
    found = re.match(r"\s*(\S.*?[=:])(?= {2,}\S)", rows[0])
    if found and not any(row[found.end() - 1 : found.end()] == found[1][-1] for row in rows[1:]):
        return [" ".join(found[1].split())], [" " * found.end() + rows[0][found.end() :], *rows[1:]]
    names = fields(rows)[0][1]
    head, longest = rows[0][:names].rstrip(), max((len(row[:names].rstrip()) for row in rows[1:]), default=0)
    if len(head) > longest > 0 and "  " not in head.strip():
        return [head.strip()], [" " * names + rows[0][names:], *rows[1:]]
    return [], rows


def over(rows):
    """The rows; if the first has a number for each column of the others, it stands over it and not beside it."""
    said, cut = rows[0].split(), fields(rows[1:])
    ends = [0, *(b for _, b in cut)]
    if len(said) != len(cut) - 1 or not all(x[0].isdigit() for x in said):
        return rows
    return ["".join(x.rjust(b - a) for x, (a, b) in zip(["", *said], pairwise(ends), strict=True)), *rows[1:]]


def table(rows, split=by_place, most=LEAST):
    """A printed table at `most` letters a line: (headings, its parts, each a list of lines); None if it has no columns.

    The first columns, until neighbours differ in them, are the rows' names: each part has them. What is the same in all
    rows ("mean") goes with the column after it; a remark over no column becomes a heading.
    """
    heads, rows = headed(rows)
    cells = split(over(rows))
    remarks = [i for i in range(1, len(cells[0])) if cells[0][i] and not any(x[i] for x in cells[1:])]
    if any(re.search(r"\d", cells[0][i]) for i in remarks):
        return None  # numbers belong to a column
    heads += [cells[0][i].strip() for i in remarks]
    keep = [i for i in range(len(cells[0])) if i not in remarks and any(re.search(r"\w", x[i]) for x in cells)]
    cells = [[x[i] for i in keep] for x in cells]
    count = range(len(keep))
    named = [x for x in cells if x[0].strip()]
    names = next((n for n in count[1:] if all(x[:n] != y[:n] for x, y in pairwise(named))), 0)
    if not names:
        return None
    starts = [min(len(x[i]) - len(x[i].lstrip()) for x in cells if x[i].strip()) for i in count]
    cells = [[x[i][starts[i] :] for i in count] for x in cells]
    widths = [max(len(x[i].rstrip()) for x in cells) + 2 for i in count]
    alike = {i for i in count if len({x[i] for x in cells}) == 1 and not re.search(r"\d", cells[0][i])}
    units, begun = [], False
    for i in count[names:]:
        units = [*units[:-1], [*units[-1], i]] if begun else [*units, [i]]
        begun = i in alike
    first = sum(widths[:names])

    def wide(part):
        return first + sum(widths[i] for unit in part for i in unit) - 2

    def pack(limit):
        parts = [[]]
        for unit in units:
            parts = [*parts[:-1], [*parts[-1], unit]] if wide([*parts[-1], unit]) <= limit else [*parts, [unit]]
        return list(filter(None, parts))

    few = pack(most)
    if max(map(wide, few)) > most or len(few) > 4:
        return None
    few = next(parts for parts in map(pack, range(most // 2, most + 1)) if len(parts) == len(few))  # about equal ones
    order = [[*range(names), *(i for unit in part for i in unit)] for part in few]
    return heads, [["".join(x[i].rstrip().ljust(widths[i]) for i in part).rstrip() for x in cells] for part in order]


def escaped(text):
    return html.escape(text, quote=False)


def united(line):
    """A line whose numbers stay with their error or their interval: `0.23 ± 0.03`, `[0.1, 0.2]`, `(1 to 2)`."""
    number = r"[-+]?\d[\d.,]*%?"
    whole = rf"{number} ± {number}|[\[(]{number} (?:to )?{number}[\])]"
    return re.sub(whole, r'<span class="whole">\g<0></span>', line)


def words(line):
    """A line that wraps as it is, its further lines set in beyond its beginning."""
    indent = len(line) - len(line.lstrip())
    style = f' style="--indent: {indent}ch"' if indent else ""
    return f'<span class="words"{style}>{united(line)}</span>'


def hung(line):
    """The same with little room between columns."""
    indent = len(line) - len(line.lstrip())
    said = escaped(re.sub(r" {3,}", "  ", line.strip()))
    return f'<span class="hung" style="--indent: {indent}ch">{united(said)}</span>'


def narrow(lines, wraps):
    """What a cell prints, for a narrow screen: (its lines as HTML, its columns).

    Lines that are no rows (words, the title of some rows) stand in each part of the table among the rows; those before
    and after it stand there once.
    """
    cells = [0 if w else len(re.split(r" {2,}", x.strip())) for x, w in zip(lines, wraps, strict=True)]
    cells = [2 if n == 1 and mostly_numbers(x) else n for x, n in zip(lines, cells, strict=True)]
    for least, split in ((2, by_place), (2, by_count), (1 + max(cells) // 3, by_place)):
        rows = [i for i, n in enumerate(cells) if n >= least]
        found = table([lines[i] for i in rows], split) if len(rows) > 1 else None
        if found:
            break
    else:
        if max(map(len, lines)) <= LEAST:
            return lines, LEAST
        return [words(escaped(x)) if w else x and hung(x) for x, w in zip(lines, wraps, strict=True)], PHONE
    heads, parts = found
    first, last = rows[0], rows[-1] + 1
    title = [x and words(escaped(re.sub(r"(?<=\S) {3,}", "  ", x))) for x in lines]
    said = title[:first] + [words(escaped(x)) for x in heads]
    for n, part in enumerate(parts):
        left = iter(part)
        said += [""] * (n > 0)
        said += [escaped(next(left)) if i in rows else title[i] for i in range(first, last)]
    return said + title[last:], max(len(x) for part in parts for x in part)


def with_columns(page):
    """What cells print: a long line of words wraps; a table tells its columns where a phone does not take them."""

    def count(match):
        lines = match[3].removeprefix("<span></span>").split("\n")
        texts, marked = list(map(plain, lines)), ["<" in line for line in lines]
        wraps = [w and not m for w, m in zip(wrap(texts), marked, strict=True)]
        columns = max((len(x) for x, w in zip(texts, wraps, strict=True) if not w), default=0)
        said = "\n".join(words(x) if w else x for x, w in zip(lines, wraps, strict=True))
        style = f' style="--columns: {columns}"' if columns > PHONE else ""
        small, few = narrow(texts, wraps) if style and not any(marked) else ([], columns)
        if few >= columns:
            return f"{match[1]}<pre{match[2]}{style}>{said}</pre>"
        live = " paint-live" if match[2] else ""
        broad, small = f'<pre class="broad{live}"{style}>{said}</pre>', "\n".join(small)
        return f'{match[1]}{broad}<pre class="narrow{live}" style="--columns: {few}">{small}</pre>'

    output = r'(<div class="output [^>]*>(?:<div class="highlight">)?)<pre((?: class="paint-live")?)>(.*?)</pre>'
    return re.sub(output, count, page, flags=re.S)
