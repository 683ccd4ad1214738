"""The exhibits of the museum, in order. display.py says what an exhibit consists of."""

from exhibits import (
    backward_that_updates,
    critic_signs,
    generator_that_never_trains,
    lstm_of_zeros,
    made_masks,
    penalty_at_the_data,
    seven_gaussians,
    softmax_shortcuts,
    std_or_log_variance,
)

EXHIBITS = (
    generator_that_never_trains,
    critic_signs,
    std_or_log_variance,
    lstm_of_zeros,
    softmax_shortcuts,
    made_masks,
    seven_gaussians,
    backward_that_updates,
    penalty_at_the_data,
)
