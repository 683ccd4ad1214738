"""Command line of the mutation run: a line per function, then the survivors."""

import sys
from collections import Counter

from scratchgen.gradcheck.mutation import N_INPUTS, run
from scratchgen.terminal import tolerate_terminal

SAME = 1e-12  # relative difference below which two gradients are the same but for rounding


def show(place, outcomes):
    """One line for a function whose mistakes were all planted."""
    print(f"{sum(outcome.found for outcome in outcomes):4} of {len(outcomes):3} found   {place.words}", flush=True)


def main():
    """Run all, print what survived and what was missed -> exit status."""
    tolerate_terminal()
    outcomes = run(progress=show)
    survivors = [outcome for outcome in outcomes if not outcome.found]
    missed = [outcome for outcome in survivors if outcome.difference > SAME]
    kinds = Counter(outcome.kind for outcome in outcomes)
    print(f"\n{len(outcomes)} mistakes planted: {', '.join(f'{n} {kind}' for kind, n in kinds.most_common())}")
    print(f"{len(outcomes) - len(survivors)} found; {len(survivors) - len(missed)} survivors that change no gradient on {N_INPUTS} random inputs:")
    for outcome in survivors:
        if outcome not in missed:
            print(f"  {outcome.where}: {outcome.what}  (largest difference {outcome.difference:.1g})")
    print(f"{len(missed)} missed" + (":" if missed else ""))
    for outcome in missed:
        print(f"  {outcome.where}: {outcome.what}  (difference {outcome.difference:.3g})")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
