"""A Sphinx extension: no Colab button as long as the repository's public address is unset (the theme would stumble on it)."""


def without_address(app, config):
    options = config.html_theme_options
    if not options.get("repository_url"):
        options["launch_buttons"] = {}


def setup(app):
    app.connect("config-inited", without_address, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
