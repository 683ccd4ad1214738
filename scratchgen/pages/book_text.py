"""Docstrings and code as HTML: prose that flows, equations that stand as they are, and names that lead to where they are defined.

address("layers.tanh", "Tanh.forward")     "layers.tanh.html#def-Tanh.forward"
prose(text, link)                          paragraphs <p>, and everything indented or in columns <pre>;  link(word) -> address or None
code(source, links, shapes)                the lines, each with its number, its colours, its links, and the shapes of what it makes
"""

import html
import inspect
import io
import keyword
import re
import tokenize

KINDS = {tokenize.COMMENT: "comment", tokenize.STRING: "string", tokenize.NUMBER: "number"}
CELL, GAP = re.compile(r".[\u0300-\u036f]*"), 3  # a letter with its accents takes one place
ITEM = re.compile(r"- |\w+(?:, \w+)*: |Raises |Returns ")
STRESS = re.compile(r"(?<![\w*])\*([\w<][^*]*?)\*(?![\w*])")  # *stress*, also of a link; neither D* nor a product
WORD = re.compile(r"`([^`]+)`|\b(?:[a-z_]+/)*[a-z_]+\.py\b|\b(?:[a-z_]+/)+(?![\w.])|\b[A-Za-z_][\w.]*\w\b")


def address(module, name=""):
    """Of a definition, or of a whole file; all pages are in one folder."""
    return f"{module or 'scratchgen'}.html{'#def-' + name if name else ''}"


def escape(text):
    """Text that stands between tags."""
    return html.escape(text, quote=False)


def anchor(text, target):
    """A link, or where there is no target the text as it is."""
    return f'<a href="{target}">{text}</a>' if target else text


def inline(text, link):
    """One piece of prose: code in backticks, stress, and links."""

    def word(match):
        if match[1]:
            return f"<code>{anchor(escape(match[1]), link(match[1]))}</code>"
        return anchor(escape(match[0]), link(match[0]))

    pieces, end = [], 0
    for match in WORD.finditer(text):
        pieces += [escape(text[end : match.start()]), word(match)]
        end = match.end()
    return STRESS.sub(r"<em>\1</em>", "".join([*pieces, escape(text[end:])]))


def prose(text, link):
    """A docstring as paragraphs, one for each item of a list or argument, and blocks of equations."""
    blocks = []
    for lines in (part.splitlines() for part in re.split(r"\n\s*\n", inspect.cleandoc(text)) if part.strip()):
        items = ITEM.match(lines[0])
        aligned = any("   " in line.strip() or line.startswith(">>>") for line in lines)
        indent = "    " if lines[0].startswith("  ") else " "  # a block indented by two goes on with the item of a list above it
        for line in lines:
            as_it_is = (aligned or line.startswith(indent)) and not items
            begins = line is lines[0] or not as_it_is and (line.startswith("- ") or items and ITEM.match(line))
            if not begins and blocks[-1][0] == as_it_is:
                blocks[-1][1].append(line)
            else:
                blocks.append((as_it_is, [line]))
    return "\n".join(block(as_it_is, lines, link) for as_it_is, lines in blocks)


def block(as_it_is, lines, link):
    """A paragraph, or lines that keep their columns, in letters small enough for the longest of them."""
    if not as_it_is:
        return f"<p>{inline(' '.join(map(str.strip, lines)), link)}</p>"
    rows = squeezed(lines)
    text = "\n".join("".join(row).rstrip() for row in rows)
    return f'<pre tabindex="0" style="--columns: {len(rows[0])}">{inline(text, link)}</pre>'


def squeezed(lines):
    """The lines as equally long lists of characters; where all of them have blanks, of more than GAP in a row only so many are left."""
    cells = [CELL.findall(line) for line in lines]
    width, kept, gap = max(map(len, cells)), [], GAP
    for column in zip(*(row + [" "] * (width - len(row)) for row in cells), strict=True):
        gap = gap + 1 if set(column) == {" "} else 0
        if gap <= GAP:
            kept.append(column)
    return [list(row) for row in zip(*kept, strict=True)]


def tokens(source):
    """{line: [(column, end, class)]} of comments, texts, numbers and keywords."""
    found = {}
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        kind = "keyword" if token.type == tokenize.NAME and keyword.iskeyword(token.string) else KINDS.get(token.type)
        if kind is None:
            continue
        for line in range(token.start[0], token.end[0] + 1):
            start = token.start[1] if line == token.start[0] else 0
            end = token.end[1] if line == token.end[0] else len(source.lines[line - 1])
            found.setdefault(line, []).append((start, end, kind))
    return found


def code(source, links, shapes):
    """The file's lines as a list.  links: see book_source.links.  shapes: {line: [text]}."""
    kinds, anchors, linked = tokens(source), {}, {}
    for (line, at), target in links.items():
        linked.setdefault(line, {})[at] = target
    for name, node in source.definitions.items():
        anchors.setdefault(min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))]), []).append(name)
    first = 1 + source.tree.body[0].end_lineno if source.docstring else 1  # the text that the file opens with stands beside
    while first <= len(source.lines) and not source.lines[first - 1].strip():
        first += 1
    rows = []
    for number in range(first, len(source.lines) + 1):
        ids = "".join(f'<i id="def-{name}"></i>' for name in anchors.get(number, []))
        beside = f'<span class="shapes">{escape("   ".join(shapes[number]))}</span>' if number in shapes else ""
        line = source.lines[number - 1]
        text = line_of(line, kinds.get(number, []), linked.get(number, {}))
        indent = f'style="--indent:{len(line) - len(line.lstrip())}"'
        rows.append(f'<li id="L{number}">{ids}<a class="n" href="#L{number}">{number}</a><span class="c" {indent}>{text}</span>{beside}</li>')
    return f'<ol class="code">{chr(10).join(rows)}</ol>'


def line_of(text, kinds, links):
    """One line of code."""
    spans = [(start, end, f'<span class="{kind}">', "</span>") for start, end, kind in kinds]
    for at, (length, module, name) in links.items():
        spans.append((at, at + length, f'<a href="{address(module, name)}">', "</a>"))
    pieces, end = [], 0
    for start, stop, before, after in sorted(spans):
        if start >= end:
            pieces += [escape(text[end:start]), before, escape(text[start:stop]), after]
            end = stop
    return "".join([*pieces, escape(text[end:])])
