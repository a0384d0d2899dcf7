"""Texts that are numbers, nearly numbers, and none."""

from __future__ import annotations

import random

NUMBERS = ("0123456789", "0123456789.", "0123456789.eE+-", "01_.eE -+", "0xXabcdefF1_ -", "0bBo17 ")
NUMBERS += ("1 \t\n\v\f\r", "19,' .", "NaNiInfity")


def number_texts(count: int, seed: str) -> list[str]:
    chance = random.Random(seed)
    return [
        "".join(
            chance.choices(
                chance.choice(NUMBERS), k=chance.randrange(chance.choice([4, 8, 12, 22]))
            )
        )
        for _ in range(count)
    ]
