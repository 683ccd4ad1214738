"""Write the annotated source: a small site of pages, made from the files themselves.

Text and equations beside the code, the shape of every array, links from every name to its definition, what the gradient check says, and a path
through it all. The pages open from the disk.

examples:
  scratchgen book book        then open book/index.html in a browser
"""

from scratchgen.pages.book import write_book


def add_arguments(parser):
    """The options."""
    parser.add_argument("folder", metavar="DIR", help="where to write the pages; made if missing")


def run(options):
    """Write the pages; say which one to open."""
    index, *others = write_book(options.folder)
    print(f"{1 + len(others)} pages; open {index}")
