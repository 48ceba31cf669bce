"""Weigh the built site as a reader's browser does, and hold it against its budgets.

    python book/tools/weigh.py                    every page of _build/html
    python book/tools/weigh.py FOLDER PAGE ...    some pages of another folder, as chapters/04_outline_first

For each page: the kilobytes that opening it takes, uncompressed, and with every picture; when the first content stands
(ms) on Lighthouse's mobile profile (150 ms, 1.6 Mbit/s, a processor four times slower; served with gzip); on its
desktop profile (40 ms, 10 Mbit/s), when the largest content stands, how long the page was deaf (ms); how far things
moved. The times are this machine's: measure where nothing else runs. Needs Chromium.
"""

import gzip
import sys
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KILOBYTES, FIRST, SHIFT = 2000, 2500, 0.05  # the budgets
MOBILE = {"latency": 150, "rate": 1.6e6 / 8, "slower": 4, "size": {"width": 390, "height": 844}}
DESKTOP = {"latency": 40, "rate": 10e6 / 8, "slower": 1, "size": {"width": 1350, "height": 940}}
OBSERVE = """
window.seen = { first: 0, largest: 0, shift: 0, deaf: 0 };
const watch = (type, tell) =>
  new PerformanceObserver((list) => list.getEntries().forEach(tell)).observe({ type, buffered: true });
watch("paint", (e) => { if (e.name === "first-contentful-paint") seen.first = e.startTime; });
watch("largest-contentful-paint", (e) => { seen.largest = e.startTime; });
watch("layout-shift", (e) => { if (!e.hadRecentInput) seen.shift += e.value; });
watch("longtask", (e) => { seen.deaf += Math.max(0, e.duration - 50); });
"""
WEIGHT = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .reduce((sum, e) => sum + e.decodedBodySize, 0) / 1000"""
PICTURES = """async () => {
  const all = [...document.querySelectorAll("img")];
  all.forEach((image) => (image.loading = "eager"));
  await Promise.all(all.map((image) => image.decode().catch(() => 0)));
}"""


class Gzip(SimpleHTTPRequestHandler):
    """Serves a folder, texts compressed, as a web server does, and more than one file on a connection."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if path.suffix not in (".html", ".js", ".css", ".svg") or not path.is_file():
            return super().do_GET()
        body = gzip.compress(path.read_bytes(), 6)
        self.send_response(200)
        for name, value in (
            ("Content-Type", self.guess_type(str(path))),
            ("Content-Encoding", "gzip"),
            ("Content-Length", len(body)),
        ):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def served(folder):
    """The address of a folder that is served as long as it is needed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Gzip, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def chromium():
    """The path of the browser that the page tests take, or None."""
    sys.path.insert(0, str(ROOT / "tests"))
    import browser

    return browser.find()


def opened(browser, address, profile):
    """A page opened on a profile, and what it showed until all was still: (tab, seen)."""
    tab = browser.new_context(viewport=profile["size"]).new_page()
    wire = tab.context.new_cdp_session(tab)
    wire.send("Network.enable")
    line = {
        "offline": False,
        "latency": profile["latency"],
        "downloadThroughput": profile["rate"],
        "uploadThroughput": profile["rate"],
    }
    wire.send("Network.emulateNetworkConditions", line)
    wire.send("Emulation.setCPUThrottlingRate", {"rate": profile["slower"]})
    tab.add_init_script(OBSERVE)
    tab.goto(address, wait_until="load", timeout=120_000)
    tab.evaluate("async () => { await window.MathJax?.startup?.promise; await document.fonts.ready; }")
    tab.wait_for_timeout(500)
    return tab, tab.evaluate("seen")


def weigh(browser, address):
    """The figures of one page, in the order of the table."""
    phone, on_phone = opened(browser, address, MOBILE)
    phone.context.close()
    tab, seen = opened(browser, address, DESKTOP)
    opening = tab.evaluate(WEIGHT)
    tab.evaluate(PICTURES)
    whole = tab.evaluate(WEIGHT)
    tab.context.close()
    return opening, whole, on_phone["first"], seen["largest"], seen["deaf"], max(seen["shift"], on_phone["shift"])


def main(folder, pages):
    from playwright.sync_api import sync_playwright

    pages = pages or sorted(
        p.relative_to(folder).with_suffix("").as_posix()
        for d in ("book", "chapters")
        for p in (folder / d).glob("*.html")
    )
    over = []
    print(f"{'page':42} {'kB':>6} {'all kB':>7} {'first':>6} {'largest':>8} {'deaf':>6} {'moved':>6}")
    with sync_playwright() as playwright, served(folder) as site:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for page in pages:
            figures = weigh(browser, f"{site}/{page}.html")
            opening, whole, first, largest, deaf, moved = figures
            print(
                f"{page:42} {opening:6.0f} {whole:7.0f} {first:6.0f} {largest:8.0f} {deaf:6.0f} {moved:6.3f}",
                flush=True,
            )
            over += [page] * (opening > KILOBYTES or first > FIRST or moved > SHIFT)
    print(f"over a budget ({KILOBYTES} kB, {FIRST} ms, {SHIFT}): {', '.join(over) or 'none'}")
    return bool(over)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if sys.argv[1:] else ROOT / "_build/html"), sys.argv[2:]))
