"""The shapes of arrays, line by line: the gradient check's own examples run once on the numpy backend, and a line tracer sees what each line makes.

    recorded()      {(path, line): ["y (batch, n_out)", …]}

The examples get sizes of which no two are equal, nor one the double of another, so that most sizes have one meaning only: 38 is the batch, 10 the
number of features, 20 twice that. A size that means nothing stays a number.
"""

import ast
import inspect
import sys
from pathlib import Path

import numpy as np

from scratchgen import layers, losses, models, optim
from scratchgen.gradcheck import catalogue
from scratchgen.gradcheck.bijection import OneOutput
from scratchgen.gradcheck.examples import Draw, examples, operations
from scratchgen.gradcheck.twice import has_double_backward
from scratchgen.ops import use_backend

BATCH, FEATURES, OUTPUTS, PARAMETERS = 38, 10, catalogue.OUTPUTS, 101
DATA_DIM, EXAMPLES = 5, 23  # of models: some examples say what each of five features is;  how many are drawn
SIZES = {"n_classes": 7, "latent_dim": 3, "noise_dim": 3, "hidden": (11,), "generator_hidden": (11,), "discriminator_hidden": (13,)}

JOINED = ("n_classes", "time_features")  # what stands beside other columns


class Recorder:
    """Runs something under a line tracer. shapes: {(path, line): {name: shape in words}}; what was seen first stays."""

    def __init__(self):
        self.shapes, self.statements, self.paths, self.sizes = {}, {}, set(), {}

    def run(self, action, paths, sizes):
        """action(), with the lines of those files looked at.  sizes: {number: what it means}."""
        self.paths, self.sizes = {str(path) for path in paths}, sizes
        before = sys.gettrace()
        sys.settrace(self.enter)
        try:
            action()
        finally:
            sys.settrace(before)

    def enter(self, frame, event, _):
        """A call begins: what it is given, and whether its lines are to be looked at."""
        path, name = frame.f_code.co_filename, frame.f_code.co_name
        if path not in self.paths or name.startswith("<"):
            return None
        if path not in self.statements:
            self.statements[path] = statements(Path(path))
        statement = self.statements[path]
        arguments, values = frame.f_code.co_varnames[: frame.f_code.co_argcount + frame.f_code.co_kwonlyargcount], frame.f_locals
        line = next((line for line in range(frame.f_code.co_firstlineno, frame.f_code.co_firstlineno + 9) if line in statement), None)
        for argument in arguments:
            self.see(path, line, argument, values[argument])
        last = None

        def follow(frame, event, value):
            nonlocal last
            now = statement.get(frame.f_lineno) if event == "line" else None
            if last is not None and last is not now:
                self.after(path, last, frame)
            if event == "return" and isinstance(last, ast.Return) and value is not None:
                self.see(path, last.lineno, "→", value)
            last = now
            return follow

        return follow

    def after(self, path, statement, frame):
        """A statement has run: the shapes of what it assigned."""
        for label, code in targets(statement):
            try:
                value = eval(code, frame.f_globals, frame.f_locals)
            except (NameError, LookupError, AttributeError):  # an exception came first
                continue
            self.see(path, statement.lineno, label, value)

    def see(self, path, line, label, value):
        """Note the shape of an array, or of a tuple of them, beside that line."""
        if text := self.shape(value, label == "→"):
            self.shapes.setdefault((path, line), {}).setdefault(label, text)

    def shape(self, value, returned):
        """The shape in words; "" of what is no array."""
        if isinstance(value, np.ndarray) and (value.ndim or returned):
            names = [in_words(size, self.sizes) for size in value.shape]
            return f"({', '.join(names)}{',' if len(names) == 1 else ''})"
        if returned and type(value) is tuple:
            parts = [self.shape(part, True) or ("()" if np.isscalar(part) else "…") for part in value]
            return ", ".join(parts) if set(parts) - {"()", "…"} else ""
        return ""


def statements(path):
    """{line: the innermost statement there} of a file; of one with a body, the lines before it."""
    found = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.stmt):
            last = node.body[0].lineno - 1 if getattr(node, "body", None) else node.end_lineno
            found |= dict.fromkeys(range(node.lineno, max(last, node.lineno) + 1), node)
    return found


def targets(statement):
    """[(label, compiled expression)] of the names, and of the entries under a constant key, that a statement assigns."""
    left = {ast.Assign: "targets", ast.AugAssign: "target", ast.For: "target"}.get(type(statement))
    if left is None:
        return []
    queue, found = [getattr(statement, left)], []
    while queue:
        node = queue.pop(0)
        if isinstance(node, (list, ast.Tuple)):
            queue += getattr(node, "elts", node)
        elif isinstance(node, ast.Subscript) and not (isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)):
            queue.append(node.value)  # m[...] = …
        elif isinstance(node, (ast.Name, ast.Subscript)):
            label = node.id if isinstance(node, ast.Name) else node.slice.value
            expression = ast.fix_missing_locations(ast.Expression(loading(node)))
            found.append((label, compile(expression, "target", "eval")))
    return found


def loading(node):
    """The target of an assignment as an expression that reads it."""
    return ast.parse(ast.unparse(node), mode="eval").body


def in_words(size, sizes):
    """A size as a name, or as two or three of one, a quotient or a product of two, a sum where columns stand side by side; else as the number."""
    if size in sizes or size == 1:
        return sizes.get(size, "1")
    for factor in (2, 3):
        if size % factor == 0 and not sizes.get(size // factor, "n_").startswith("n_"):  # a count, n_classes for one, is not doubled
            return f"{factor}·{sizes[size // factor]}"
    pairs = [(a, b) for a in sizes for b in sizes if a != b]
    for a, b in pairs:
        if size * b == a or size == a * b:
            return f"{sizes[a]}{'/' if size * b == a else '·'}{sizes[b]}"
    for a, b in pairs:
        if size == a + b and sizes[b] in JOINED:
            return f"{sizes[a]} + {sizes[b]}"
    return str(size)


def recorded():
    """{(path, line): [name and shape in words]}: see above."""
    recorder = Recorder()
    with use_backend("numpy"):
        for run in (record_layers, record_losses, record_models, record_optimizers, record_operations):
            run(recorder)
    return {place: [f"{label} {text}" for label, text in found.items()] for place, found in recorder.shapes.items()}


def file_of(thing):
    """The file of a class or function."""
    return inspect.getsourcefile(inspect.unwrap(thing))


def record_layers(recorder):
    """Every layer and bijection: made, forward, backward, and what else it has."""
    rng = np.random.default_rng(0)
    bijections = {name: lambda make=make: OneOutput(make()) for name, make in catalogue.example_bijections(n=FEATURES).items()}
    for make in (catalogue.example_layers(n=FEATURES) | bijections).values():
        layer = make()
        inner = getattr(layer, "bijection", layer)
        sizes = {BATCH: "batch", FEATURES: "n"} | {n: name for name, n in vars(inner).items() if type(n) is int and n > 1}

        def action(layer=layer, inner=inner, make=make):
            make()
            x = [rng.standard_normal((BATCH, FEATURES)) for _ in range(catalogue.n_inputs(layer))]
            y, cache = layer.forward(*x)
            dy = rng.standard_normal(y.shape)
            layer.backward(dy, cache)
            if inner is layer and has_double_backward(layer):
                layer.double_backward(*x, dy, cache)
            layer(*x)

        recorder.run(action, [file_of(type(inner))], sizes)


def record_losses(recorder):
    """Every loss, on its example."""
    sizes = {BATCH: "batch", FEATURES: "n", OUTPUTS: "m"}
    for name in catalogue.LOSSES:
        loss = getattr(losses, name)
        (arguments, *_) = examples(loss, Draw(np.float64, BATCH, FEATURES, outputs=OUTPUTS))
        recorder.run(lambda loss=loss, arguments=arguments: loss(*arguments), [file_of(loss)], sizes)


def record_models(recorder):
    """Every example of every model: the losses of its players, what it draws, its likelihoods."""
    paths, rng = list(Path(models.__file__).parent.glob("*.py")), np.random.default_rng(0)
    for cls in models.MODELS.values():
        for arguments in cls.examples.values():
            arguments = arguments | {name: size for name, size in SIZES.items() if name in arguments}
            sizes = {DATA_DIM: "data_dim", BATCH: "batch", EXAMPLES: "n"}
            for name, value in arguments.items():
                first = value[0] if type(value) is tuple else value
                if type(first) is int and first > 1:
                    sizes.setdefault(first, name)

            def action(cls=cls, arguments=arguments):
                model = cls(DATA_DIM, rng=0, dtype=np.float64, **arguments)
                x, y = rng.uniform(size=(BATCH, DATA_DIM)), rng.integers(model.n_classes, size=BATCH) if model.n_classes else None
                labels = {} if y is None else {"y": y}
                for loss in catalogue.players(model).values():
                    loss(x, **labels)
                model.draw(EXAMPLES, rng=0)
                model.likelihoods(x, y, rng=0, n_samples=2)

            recorder.run(action, paths, sizes)


def record_optimizers(recorder):
    """One step of every optimizer."""
    layer = layers.Linear(4, 3, rng=0)
    sizes, paths = {layer.flat_params.size: "n_params"}, list(Path(optim.__file__).parent.glob("*.py"))
    for name, settings in catalogue.OPTIMIZERS.items():
        for options in settings:
            recorder.run(lambda name=name, options=options: getattr(optim, name)(layer, lr=0.1, **options).step(), paths, sizes)


def record_operations(recorder):
    """Every operation on its typical arguments: those that nothing above has called."""
    sizes = {BATCH: "batch", FEATURES: "n", OUTPUTS: "m", PARAMETERS: "n_params"}
    for operation in operations().values():
        definition = inspect.unwrap(operation)
        for arguments in examples(operation, Draw(np.float64, BATCH, FEATURES, outputs=OUTPUTS, n_params=PARAMETERS))[:1]:
            recorder.run(lambda definition=definition, arguments=arguments: definition(*arguments), [file_of(definition)], sizes)
