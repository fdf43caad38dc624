# SPDX-License-Identifier: Apache-2.0
"""What every benchmark is given."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Setting:
    petrel: Path
    weights: Path
    #: The folder with this package's own programs.
    tools: Path
    #: Empty, and removed afterwards.
    folder: Path
    #: Replaces the benchmark's own number of rounds.
    rounds: int | None

    def rounds_or(self, default: int) -> int:
        return self.rounds or default
