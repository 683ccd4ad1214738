"""Measurements: how fast this machine is, how near to that scratchgen comes, and how it compares with NumPy and PyTorch.

    timing.py       how long a call takes: medians
    turns.py        programs that must not disturb each other, measured in turn
    worker.py       the process in which one side of a comparison runs
    probes.py       the two ceilings: multiply-adds per second, bytes per second
    products.py     the matrix products
    operations.py   every operation against its NumPy definition
    steps.py        whole training steps; torch_steps.py, the same in PyTorch; profile.py, where their time goes
    start.py        import, first step, memory
    climb.py        the ladder of ops/numba/ladder.py
    report.py       tables;  roofline.py, pictures
    card.py         the same on a GPU, where cuBLAS (cupy_products.py) and PyTorch compare: card_probes.py, card_report.py

`scratchgen bench` runs all of it, on the CPU or, with `--backend cuda`, on the GPU.
"""
