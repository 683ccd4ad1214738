"""Each optimizer against PyTorch, whose numbers stand here: PyTorch itself is not needed.

They are what PyTorch 2.13 (CPU, float64) gives, to the last digit, for

    p = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, name)([p], **options)             # our RMSProp is called RMSprop there
    for t in range(10):
        with torch.no_grad():
            p.grad = p**3 / 10 + torch.cos(t * torch.arange(1.0, 5.0, dtype=torch.float64))
        optimizer.step()
    print(p.tolist())
"""

import numpy as np
import pytest

from scratchgen import optim

# name, options, the parameters after 10 steps
PYTORCH = [
    ("SGD", dict(),
     [0.998581690724746, -1.9926265137978574, 0.4994875620084969, 2.9726737177315]),
    ("SGD", dict(lr=0.1, weight_decay=0.1),
     [0.8058690824230703, -1.3875719689453692, 0.4103243611132337, 1.5940992497682223]),
    ("SGD", dict(lr=0.1, momentum=0.9),
     [0.3553976238799201, -0.32319632117491426, 0.14858694359858596, -1.1395729119194564]),
    ("SGD", dict(lr=0.1, momentum=0.9, weight_decay=0.1),
     [0.10428978948568245, 0.06945613228499699, 0.02324397320755757, -1.500219405996327]),
    ("SGD", dict(lr=0.1, momentum=0.9, nesterov=True),
     [0.36573670028851607, -0.3933202053972298, 0.14465269572490844, -0.6849851820322606]),
    ("SGD", dict(lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
     [0.11694455144645564, -0.02230486999761, 0.023963383626409037, -1.0223324825922961]),
    ("Adagrad", dict(),
     [0.9887531923345213, -1.9752254845611488, 0.4939142445741523, 2.9543031729633533]),
    ("Adagrad", dict(lr=0.1, eps=0.001, weight_decay=0.1),
     [0.8605509963362646, -1.6728987155814163, 0.42329222523939786, 2.5780870314010707]),
    ("RMSProp", dict(),
     [0.8987736755181773, -1.78368386281031, 0.44075067119410877, 2.582039683872098]),
    ("RMSProp", dict(lr=0.05, alpha=0.9, eps=0.001, weight_decay=0.1),
     [0.7903947467413188, -1.4930741172321764, 0.3827884579238249, 2.3091623440163733]),
    ("RMSProp", dict(lr=0.05, centered=True),
     [0.6072146735279842, -1.3519912849479365, 0.21422919187799794, 1.6195130050085718]),
    ("RMSProp", dict(lr=0.05, momentum=0.9),
     [-1.3720920939231438, 0.6562175728925055, -1.2008387645174512, -1.7587281989122108]),
    ("RMSProp", dict(lr=0.05, momentum=0.9, centered=True, weight_decay=0.1),
     [-1.1597925694334288, 1.7588008209291675, -0.9414007908187144, -1.8970886122868842]),
    ("Adadelta", dict(),
     [0.9959618162038181, -1.977600139519384, 0.49855685472382155, 2.9718471696280573]),
    ("Adadelta", dict(lr=0.5, rho=0.95, eps=0.0001, weight_decay=0.1),
     [0.9554591941713558, -1.8657183342891919, 0.4805880095451749, 2.814277030625225]),
    ("Adam", dict(),
     [0.9964164343706835, -1.9945661590574244, 0.498253826044381, 2.990378382529077]),
    ("Adam", dict(lr=0.1, betas=(0.5, 0.99), eps=0.001, weight_decay=0.1),
     [0.7092514830619608, -1.384626722445353, 0.3632587247485619, 2.1929871378149004]),
    ("AdamW", dict(),
     [0.9963167558429897, -1.9943666184140092, 0.4982039640735149, 2.9900789903498093]),
    ("AdamW", dict(lr=0.1, betas=(0.5, 0.99), eps=0.001, weight_decay=0.1),
     [0.7087142444677115, -1.3871123346716692, 0.36244362603517455, 2.0075811093729476]),
]  # fmt: skip


@pytest.mark.parametrize("name, options, end", PYTORCH)
def test_same_trajectory_as_pytorch(backend, dtype, parameters, name, options, end):
    module = parameters(dtype)
    tolerance = dict(rtol=1e-12) if dtype == np.float64 else dict(rtol=2e-5, atol=2e-6)
    np.testing.assert_allclose(module.follow(getattr(optim, name)(module, **options), 10), end, **tolerance)
