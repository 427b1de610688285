"""Labelled pictures drawn with Pillow: panels on a sheet, charts, and PNG files of a bounded size.

Nothing here knows what the numbers mean. `panels` draws one array, `layout` puts panels on a sheet,
`charts` draws lines and bars, `colours` turns numbers into colours, `lettering` writes text, `encoding` makes
PNG bytes. Pillow is imported when something is drawn.
"""

from convention.pictures.charts import bar_chart, line_chart
from convention.pictures.colours import diverging, reduced
from convention.pictures.encoding import PNG_SUFFIXES, png_bytes, write_png
from convention.pictures.layout import sheet
from convention.pictures.panels import Panel

__all__ = [
    "PNG_SUFFIXES",
    "Panel",
    "bar_chart",
    "diverging",
    "line_chart",
    "png_bytes",
    "reduced",
    "sheet",
    "write_png",
]
