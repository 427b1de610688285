"""One self-contained HTML page with the six costs: no script, no request, light and dark, on screen and paper."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from string import Template

from convention.experiment.consequences.cost import Cost
from convention.experiment.consequences.performance import Consequences

__all__ = ["PAGE", "page"]

PAGE = "consequences.html"
"""The file name of the page."""


def page(consequences: Consequences, pictures: Mapping[str, bytes]) -> str:
    """Return the page.

    Parameters
    ----------
    consequences : Consequences
        What was measured.
    pictures : mapping of str to bytes
        The PNG files by name; each is embedded.
    """
    template = files("convention.experiment.consequences").joinpath("page.html").read_text(encoding="utf-8")
    failed = sum(not check.verdict for cost in consequences.costs for check in cost.checks)
    count = consequences.checks
    return Template(template).substitute(
        verdict=f"All {count} checks hold." if not failed else f"NOT all shown: {failed} of {count} checks fail.",
        contents="\n".join(
            f'<li><a href="#{escape(cost.name)}">{escape(cost.title)}</a>. {_text(cost.verdict)}</li>'
            for cost in consequences.costs
        ),
        sections="\n".join(_section(cost, pictures[cost.picture]) for cost in consequences.costs),
        photo=escape(consequences.photo),
        versions=escape(", ".join(f"{name} {version}" for name, version in consequences.versions.items())),
    )


def _section(cost: Cost, picture: bytes) -> str:
    rows = "\n".join(
        f'<tr><th scope="row">{_text(one.name)}</th><td>{_text(one.shown)}</td></tr>' for one in cost.figures
    )
    checks = "\n".join(
        f"<li><strong>{'holds' if check.verdict else 'FAILS'}</strong> {_text(check.name)}</li>"
        for check in cost.checks
    )
    name, title = escape(cost.name), f"{cost.number}. {_text(cost.title)}"
    return f"""<section id="{name}" aria-labelledby="{name}-title">
<h2 id="{name}-title">{title}</h2>
<p class="verdict">{_text(cost.verdict)}</p>
<figure tabindex="0" role="group" aria-label="Picture {cost.number}">
<img alt="{escape(cost.alt)}" src="data:image/png;base64,{b64encode(picture).decode()}">
</figure>
<table><caption>Measured</caption>
{rows}
</table>
<h3>What happened</h3>
<p>{_text(cost.paragraph)}</p>
<h3>How to avoid it</h3>
<p class="avoid">{_text(cost.avoid)}</p>
<h3>Checked</h3>
<ul class="checks">
{checks}
</ul>
</section>"""


def _text(words: str) -> str:
    """Return words for HTML, the two definitions in their colours (they are named, so colour is never alone)."""
    return _WORDS.sub(
        lambda found: f'<span class="{_CLASSES[found[0].lower()]}">{found[0]}</span>', escape(words, False)
    )


_WORDS = re.compile(r"(?<![\w-])(?:convolution|cross-correlation)\b", re.IGNORECASE)
_CLASSES = {"convolution": "convolution", "cross-correlation": "correlation"}
