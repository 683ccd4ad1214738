"""The command line: `scratchgen COMMAND`, or `python -m scratchgen COMMAND`. Every command is a few calls that you could type.

Exit status: 0 done; 1 the run failed (it diverged, or something could not be written); 2 the command or its input was wrong; 130 Ctrl-C.
"""

import argparse
import functools
import importlib
import os
import sys

import scratchgen
from scratchgen.terminal import tolerate_terminal

COMMANDS = ("train", "sample", "evaluate", "models", "explore", "play", "reproduce", "gradcheck", "trace", "book", "coursework", "bench", "doctor")

# what a user can mend, or the machine lacks: their sentence is enough; any other error is ours, and its traceback is shown
REPORTED = (ValueError, TypeError, OSError, MemoryError, RuntimeError, ArithmeticError)

EXAMPLES = """examples:
  scratchgen train vae                                  a VAE on digits drawn from fonts: no download, about a minute
  scratchgen train gan --data mnist --epochs 50         a GAN on handwritten digits
  scratchgen train vae --out runs/vae --resume          go on with a run that was stopped
  scratchgen sample runs/vae -n 64 --out digits.png     pictures from a trained model
  scratchgen evaluate runs/vae                          how good it is on test data
  scratchgen gradcheck mylayers.py                      whether the gradients of your own layers are right, and if not, why
  scratchgen trace mylayers.py:MyLinear                 a page that walks through forward and backward, number by number
  scratchgen doctor                                     what this machine offers, and what is missing
"""


def parser():
    """The parser of all commands."""
    layout = functools.partial(argparse.RawDescriptionHelpFormatter, max_help_position=32)
    top = argparse.ArgumentParser(prog="scratchgen", description="Generative networks from scratch.", epilog=EXAMPLES, formatter_class=layout)
    top.add_argument("--version", action="version", version=f"scratchgen {scratchgen.__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = importlib.import_module(f"scratchgen.cli.{name}")
        # python -OO leaves the docstrings out
        summary, _, details = (module.__doc__ or "").partition("\n\n")
        command = commands.add_parser(name, help=summary.rstrip("."), description=summary, epilog=details, formatter_class=layout)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return top


def main(arguments=None):
    """Run one command -> exit status."""
    tolerate_terminal()
    try:
        options = parser().parse_args(arguments)  # imports the commands, and what they need
        return options.run(options) or 0
    except KeyboardInterrupt as stop:
        print(f"\nscratchgen: {str(stop) or 'stopped'}", file=sys.stderr)
        return 130
    except REPORTED as error:
        print(f"scratchgen: {sentence(error)}", file=sys.stderr)
        from scratchgen.errors import Failed  # not at the top: it imports NumPy, and a Ctrl-C during the imports should end well, too

        failed = isinstance(error, (OSError, MemoryError, FloatingPointError, Failed)) and not isinstance(error, FileNotFoundError)
        return 1 if failed else 2


def sentence(error):
    """What an error says, or what it means if it says nothing."""
    if isinstance(error, MemoryError) and not str(error):
        return "no memory is left"
    if str(error).startswith("Key backend: "):  # from matplotlib, which reads the variable when it is imported
        return f"MPLBACKEND is {os.environ.get('MPLBACKEND')!r}, which matplotlib does not know; unset it: no window is ever opened"
    return str(error)
