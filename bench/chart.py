"""A chart of bars as SVG, for people who look before they read. The scale is logarithmic: the
servers are too far apart for another."""

import math
from xml.sax.saxutils import escape

COLOURS = ("#1f6f8b", "#d98e04", "#8e5ea2", "#5a9e57", "#b8b8b8")
LABEL_WIDTH, BAR_WIDTH, BAR_HEIGHT, GAP, TOP = 270, 560, 9, 10, 60


def draw(title, rows):
    """rows: {title: {name: value}}; the values are above 0."""
    rows = {row: values for row, values in rows.items() if values}
    names = list(dict.fromkeys(name for values in rows.values() for name in values))
    colour = dict(zip(names, COLOURS))
    most = max(value for values in rows.values() for value in values.values())
    top = math.ceil(math.log10(most))
    lines, y = [], TOP
    for row, values in rows.items():
        middle = y + len(values) * BAR_HEIGHT / 2 + 4
        lines.append(f'<text x="{LABEL_WIDTH - 8}" y="{middle:.0f}" text-anchor="end">'
                     f"{escape(row)}</text>")
        for name, value in values.items():
            width = max(1.0, BAR_WIDTH * math.log10(max(value, 1)) / top)
            lines.append(f'<rect x="{LABEL_WIDTH}" y="{y}" width="{width:.1f}" '
                         f'height="{BAR_HEIGHT - 1}" fill="{colour[name]}"/>')
            lines.append(f'<text x="{LABEL_WIDTH + width + 4:.1f}" y="{y + BAR_HEIGHT - 1}" '
                         f'class="value">{value:.0f}</text>')
            y += BAR_HEIGHT
        y += GAP
    legend = "".join(f'<rect x="{LABEL_WIDTH + 110 * i}" y="34" width="10" height="10" '
                     f'fill="{colour[name]}"/><text x="{LABEL_WIDTH + 110 * i + 15}" y="43">'
                     f"{escape(name)}</text>" for i, name in enumerate(names))
    grid = "".join(f'<line x1="{x}" x2="{x}" y1="{TOP - 6}" y2="{y}" stroke="#ddd"/>'
                   for x in (LABEL_WIDTH + BAR_WIDTH * power / top for power in range(top + 1)))
    width = LABEL_WIDTH + BAR_WIDTH + 70
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" width="{width}" '
            f'height="{y}" font-family="sans-serif" font-size="12">\n'
            f'<style>.value {{ font-size: 9px; fill: #555 }}</style>\n'
            f'<rect width="{width}" height="{y}" fill="white"/>\n'
            f'<text x="{LABEL_WIDTH}" y="20" font-size="15">{escape(title)}, on a logarithmic '
            f"scale</text>\n{legend}\n{grid}\n" + "\n".join(lines) + "\n</svg>\n")
