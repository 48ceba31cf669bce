"""A Sphinx extension that keeps the pages to themselves.

Thebe, which Jupyter Book always loads, names a foreign host on each page: it is taken out. As long as the repository's
public address is unset there is no Colab button, on which the theme would stumble.
"""


def without_address(app, config):
    if not config.html_theme_options.get("repository_url"):
        config.html_theme_options["launch_buttons"] = {}


def setup(app):
    thebe = [l for ls in app.events.listeners.values() for l in ls if l.handler.__module__ == "sphinx_thebe"]
    for listener in thebe:
        if listener.handler.__name__ != "st_static_path":  # its style sheet is linked on each page, so it must exist
            app.disconnect(listener.id)
    app.connect("config-inited", without_address, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
