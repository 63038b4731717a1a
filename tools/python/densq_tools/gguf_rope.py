# SPDX-License-Identifier: MIT
"""The factors of rotary frequencies in a GGUF as the rope_scaling of a configuration.

Llama 3.1 divides a frequency by 1 if its wave is short, by `factor` if it is long, and by something
between in a band, where 1 / divisor is linear in the frequency (transformers calls this "llama3").
llama.cpp computes the divisors when it converts a model and keeps only them. Here is the way back:
they tell everything but a common factor of the three numbers of the band.
"""
import numpy


def frequencies(head_dim, base):
    """Turns per token."""
    return base ** (-numpy.arange(0, head_dim, 2) / head_dim) / (2 * numpy.pi)


def divisors(scaling, turns):
    """As transformers and llama.cpp define them."""
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    share = (scaling["original_max_position_embeddings"] * turns - low) / (high - low)
    return 1 / (1 / scaling["factor"] + (1 - 1 / scaling["factor"]) * numpy.clip(share, 0, 1))


def line_of_band(turns, wanted, factor):
    """Slope and offset of the share: 0 where the divisor is `factor`, 1 where it is 1."""
    share = (1 / wanted - 1 / factor) / (1 - 1 / factor)
    inside = (wanted > 1) & (wanted < factor)
    if inside.sum() > 1:
        return numpy.polyfit(turns[inside], share[inside], 1)
    short, long = turns[wanted == 1].min(initial=numpy.inf), turns[wanted == factor].max(initial=0)
    if inside.sum() == 1:  # Llama's offset is -1/3; the slope must reach 0 and 1 before the others
        at, value = turns[inside][0], share[inside][0]
        slope = max((value + 1 / 3) / at, value / (at - long), (1 - value) / (short - at))
        return slope, value - slope * at
    return 1 / (short - long), -long / (short - long)


def rope_scaling(wanted, head_dim, base):
    """For config.json; None: nothing is scaled.  ValueError: nothing there gives these divisors."""
    wanted = numpy.asarray(wanted, dtype=numpy.float64)
    if (wanted == 1).all():
        return None
    turns, factor = frequencies(head_dim, base), wanted.max()
    if wanted.shape != turns.shape or not (wanted >= 1).all() or not (wanted < factor).any():
        raise ValueError("they are not those of Llama 3.1")
    slope, offset = line_of_band(turns, wanted, factor)
    if not offset < 0:
        raise ValueError("they are not those of Llama 3.1")
    context = round(-slope / offset)
    scale = context / (-slope / offset)
    exact = {"rope_type": "llama3", "factor": float(factor), "low_freq_factor": float(scale),
             "high_freq_factor": float(scale * (1 - 1 / offset)),
             "original_max_position_embeddings": context}
    rounded = {key: round(value, 3) if isinstance(value, float) else value
               for key, value in exact.items()}
    for scaling in (rounded, exact):
        if numpy.allclose(divisors(scaling, turns), wanted, rtol=1e-6, atol=0):
            return scaling
    raise ValueError("they are not those of Llama 3.1")
