"""The guide as a site: ``sphinx-build -W notebooks site``, after ``pip install -e '.[docs]'``."""

import re

project = html_title = "asyncsim"
extensions = ["myst_nb"]
html_theme = "furo"
root_doc = "README"
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # outputs are committed; tests run the cells


def adapt(app, name, source):
    """README's list is the table of contents; what lies outside of the guide is named, not linked."""
    text = re.sub(r"\[([^][\"\n]*)\]\(\.\./([^)]*)\)", r"\1 (`\2`)", source[0])
    if name == root_doc:
        pages = "\n".join(re.findall(r"^\d+\. \[([\w-]+)\.", text, re.MULTILINE))
        text += f"\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n"
    source[0] = text


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", adapt)
