"""A Sphinx extension that keeps the pages to themselves.

Thebe, which Jupyter Book always loads, names a foreign host on each page: it is taken out.
"""


def setup(app):
    thebe = [l for ls in app.events.listeners.values() for l in ls if l.handler.__module__ == "sphinx_thebe"]
    for listener in thebe:
        if listener.handler.__name__ != "st_static_path":  # its style sheet is linked on each page, so it must exist
            app.disconnect(listener.id)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
