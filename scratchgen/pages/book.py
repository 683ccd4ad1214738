"""The annotated source: a small site, made from the files themselves.

    write_book("book")        book/index.html, and a page for each file of the library

On each page the text that the file opens with stands on the left, and stays there; on the right its code, with the shapes beside each line that makes
an array (book_shapes.py), each name a link to where it is defined (book_source.py), and what the gradient check says. index.html has the reading
order (book_order.py), the search and all files; api.html every public name; collapse.html two chains, step by step (book_collapse.py).
"""

import ast
import importlib
import inspect
import re
from pathlib import Path

from scratchgen.gradcheck import catalogue
from scratchgen.ops import use_backend
from scratchgen.pages.book_collapse import collapse_body
from scratchgen.pages.book_order import ORDER
from scratchgen.pages.book_shapes import recorded
from scratchgen.pages.book_source import links, method, read_sources, resolve
from scratchgen.pages.book_text import address, code, escape, inline, prose
from scratchgen.pages.page import page, write_page

FLOORS = {  # folders, in the order of the house, and what stands in them
    "layers": "Layers", "losses": "Losses", "optim": "Optimizers", "models": "Models", "metrics": "Metrics", "data": "Data", "train": "Training",
    "gradcheck": "Gradient checks", "ops": "Operations: the machinery", "plots": "Pictures", "pages": "Pages", "reproduce": "Published numbers",
    "bench": "The bench", "cli": "The command line", "demos": "Demos", "": "The rest",
}  # fmt: skip
PUBLIC = ("", "layers", "losses", "optim", "models", "metrics", "data", "train", "gradcheck", "plots", "ops", "ops.lesson")


def write_book(folder):
    """Write the pages into that folder, new, empty or with an earlier book -> [Path], index.html first. Raises OSError if it cannot be written."""
    folder = Path(folder)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "collapse.html").exists():
        raise FileExistsError(f"{folder} holds other files; the book needs a new or an empty folder, or one with an earlier book")
    book = Book()
    texts = {"index.html": book.index(), "api.html": book.api(), "collapse.html": book.collapse()}
    texts |= {address(module): book.file(module) for module in book.sources}
    for name, text in texts.items():
        write_page(folder / name, text)
    return [folder / name for name in texts]


class Book:
    """Everything that the pages are made of.  path: the modules in reading order, each with what to look for in it."""

    def __init__(self):
        self.sources, self.shapes, self.reports = read_sources(), recorded(), {}
        self.path = [(module_of(file), text) for files, text in ORDER for file in files if module_of(file) in self.sources]
        with use_backend("numpy"):
            for case in catalogue.all_cases():
                if place := self.place_of(case.name):
                    self.reports.setdefault(place[0], []).append((place[1], case.report()))

    def place_of(self, case):
        """(module, name) of what a case of the gradient check is about: "losses.mmd", "VAE (beta)", "GAN, generator", "Linear and Tanh"."""
        name = "Sequential" if " and " in case else case.split(" (")[0].split(",")[0].removeprefix("losses.")
        floors = ("layers", "losses", "models", "models.flow", "models.maf", "models.real_nvp")
        return next((place for floor in floors if (place := resolve(self.sources, floor, name))), None)

    def link(self, module):
        """A function: a word of a file's prose -> its address, or None: names of the file, files, folders."""
        folder = self.sources[module].shown.rpartition("/")[0]

        def target(word):
            if word.endswith((".py", "/")):
                files = [module_of(f"{folder}/{word}".lstrip("/")), module_of(word.removeprefix("scratchgen/"))]
                return next((address(file) for file in files if file in self.sources), None)
            first, _, rest = word.partition(".")
            if not (("_" in first or first[:1].isupper()) and len(first) > 2):  # an English word may be a name too
                return None
            place = resolve(self.sources, module, first)
            if place and rest:
                place = method(self.sources, *place, rest) if place[1] else resolve(self.sources, place[0], rest)
            return address(*place) if place else None

        return target

    def made(self, title, body, data=None, scripts=("book.js",)):
        """A page of the book."""
        form = "<form role='search'><input type='text' name='q' placeholder='search  /' aria-label='search the book' autocomplete='off'></form>"
        nav = "<a href='index.html'>contents</a><a href='api.html'>all names</a><a href='collapse.html'>step by step</a>"
        return page(title, styles=("book.css",), scripts=scripts, data=data, body=f"<nav class='book'>{nav}{form}</nav>\n{body}")

    def file(self, module):
        """The page of a file."""
        source = self.sources[module]
        shapes = {line: texts for (path, line), texts in self.shapes.items() if path == str(source.path)}
        essay = f"<aside tabindex='0'>{self.lead(module)}{prose(source.docstring, self.link(module))}{self.verdicts(module)}</aside>"
        return self.made(source.shown, f"{self.turns(module)}<main class='file'>{essay}{code(source, links(self.sources, source), shapes)}</main>")

    def lead(self, module):
        """What to look for, of a file on the path."""
        text = dict(self.path).get(module)
        return f"<p class='lead'>Look for {inline(text, self.link(module))}.</p>" if text else ""

    def turns(self, module):
        """Previous and next on the path; the way to it from a file beside it."""
        modules = [each for each, _ in self.path]
        if module not in modules:
            return ""
        at, ways = modules.index(module), []
        for step, word in ((-1, "previous"), (1, "next")):
            if 0 <= at + step < len(modules):
                other = modules[at + step]
                label = f"← {self.sources[other].shown}" if step < 0 else f"{self.sources[other].shown} →"
                ways.append(f"<a rel='{word[:4]}' title='{word}' href='{address(other)}'>{label}</a>")
        return f"<nav class='turns'><span>{at + 1} of {len(modules)}</span>{''.join(ways)}</nav>"

    def verdicts(self, module):
        """What the gradient check says of a file's layers, losses or models."""
        found = self.reports.get(module, [])
        if not found:
            return ""
        rows = []
        for _, report in found:
            n, worst = sum(check.n_checked for check in report.arrays.values()), report.worst
            error = f"{worst.error:.1e} in d{escape(worst.array)}" if worst else "–"
            verdict = "<td class='right'>right</td>" if report.ok else "<td class='wrong'>wrong</td>"
            rows.append(f"<tr>{verdict}<td>{escape(report.subject)}</td><td class='number'>{n}</td><td class='number'>{error}</td></tr>")
        head = "<tr><th></th><th>gradients of</th><th class='number'>numbers</th><th class='number'>worst error</th></tr>"
        return f"<h2>The gradient check</h2><table class='verdicts'><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"

    def index(self):
        """The contents: the path, the search, all files."""
        rows = []
        for number, (module, text) in enumerate(self.path, 1):
            again = number > 1 and self.path[number - 2][1] == text
            what = "" if again else inline(text, self.link(module))
            name = self.sources[module].shown
            rows.append(f"<tr><td class='number'>{number}</td><td><a href='{address(module)}'><code>{name}</code></a></td><td>{what}</td></tr>")
        floors = []
        for floor, title in FLOORS.items():
            files = [source for source in self.sources.values() if floor_of(source) == floor]
            items = "".join(f"<li><a href='{address(each.module)}'>{each.shown}</a> {escape(first_sentence(each.docstring))}</li>" for each in files)
            floors.append(f"<details><summary>{title} <span class='quiet'>{len(files)}</span></summary><ul class='files'>{items}</ul></details>")
        first = self.path[0][0]
        lead = f"In this order they are a course: start with <a href='{address(first)}'>{self.sources[first].shown}</a>, and follow the arrows."
        body = (
            f"<main class='text'><div id='found' aria-live='polite'></div><p class='lead'>Every file is one idea, equations first. {lead}</p>"
            f"<table class='path'><tbody>{''.join(rows)}</tbody></table><h2>All files</h2>{''.join(floors)}</main>"
        )
        return self.made("scratchgen, the annotated source", body, data=self.names())

    def names(self):
        """What the search finds: [name, where, address, first sentence], of all files and definitions."""
        found = []
        for module, source in self.sources.items():
            found.append([source.shown, "", address(module), first_sentence(source.docstring)])
            for name, node in source.definitions.items():
                text = "" if isinstance(node, ast.Assign) else first_sentence(ast.get_docstring(node) or "")
                found.append([name, source.shown, address(module, name), text])
        return found

    def api(self):
        """Every public name: how it is called, and its first sentence."""
        parts = ["<main class='text'><p class='lead'>Every name that other code may rely on, as its module exports it.</p>"]
        for module in PUBLIC:
            thing, rows = importlib.import_module(f"scratchgen.{module}".rstrip(".")), []
            for name in sorted(thing.__all__, key=str.lower) if hasattr(thing, "__all__") else []:
                if place := resolve(self.sources, module, name):
                    rows.append(f"<dt><a href='{address(*place)}'><code>{name}</code></a><code>{signature(getattr(thing, name))}</code></dt>")
                    rows.append(f"<dd>{inline(first_sentence(inspect.getdoc(getattr(thing, name)) or ''), self.link(place[0]))}</dd>")
            if rows:
                parts.append(f"<h2 id='{f'sg.{module}'.rstrip('.')}'>{f'sg.{module}'.rstrip('.')}</h2><dl>{''.join(rows)}</dl>")
        return self.made("All public names", "\n".join([*parts, "</main>"]))

    def collapse(self):
        """The page of the two chains."""
        return self.made("A chain, step by step, and collapsed", collapse_body(address))


def floor_of(source):
    """The folder of FLOORS that a file stands in; "" for the rest."""
    folder, _, below = source.shown.partition("/")
    return folder if below and folder in FLOORS else ""


def module_of(file):
    """The name inside scratchgen of "layers/tanh.py", or of a folder, "reproduce/"."""
    return file.removesuffix(".py").removesuffix("/__init__").rstrip("/").replace("/", ".")


def first_sentence(text):
    """The first sentence of a docstring, in one line."""
    return re.split(r"(?<!et al)\. ", " ".join(text.split("\n\n")[0].split()), maxsplit=1)[0].rstrip(".:")


def signature(thing):
    """The arguments of a function or class, as HTML; nothing of what cannot be called."""
    if not callable(thing):
        return ""
    try:
        return escape(str(inspect.signature(thing)).replace("<class 'numpy.float32'>", "np.float32"))
    except (TypeError, ValueError):
        return ""
