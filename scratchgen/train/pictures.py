"""The pictures in a run's folder: samples after each epoch, and at the end learning curves and pictures of the model's own.

Samples are always drawn from the same noise, so that from picture to picture one sees the same example develop.
"""

from scratchgen import plots
from scratchgen.models.model import is_square
from scratchgen.ops import to_host


def write_pictures(run, path, x, *, last, seed):
    """Write samples/<epoch>.png; after the last epoch also curves.png and the model's own pictures.

    x (n, data_dim): data for the model's own pictures. These show the best epoch, if it was kept; samples are of the epoch that has just ended.
    Only square grey pictures and points in the plane can be drawn; for other data there are curves only. ValueError for samples that are not finite.
    """
    model = run.model
    if last:
        plots.learning_curves(run.metrics(), path / "curves.png", units=model.units, landmarks=model.landmarks)
    if is_square(model.data_dim):
        rows = model.n_classes or 10  # one for each class
        columns = max(1, 100 // rows)
        plots.save_grid(to_host(model.draw(rows * columns, rng=seed)), path / "samples" / f"{run.epoch:04d}.png", columns)
    elif model.data_dim == 2:
        points = to_host(model.draw(2000, rng=seed))
        plots.points(points, path / "samples" / f"{run.epoch:04d}.png", real=x[:2000])
    if last:
        run.take_best()
        model.pictures(x, plots, path)
