# SPDX-License-Identifier: Apache-2.0
"""A benchmark's outcome: rows to read and raw numbers to keep."""

from dataclasses import dataclass, field


@dataclass
class Result:
    title: str
    columns: list[str]
    raw: dict
    rows: list[list[str]] = field(default_factory=list)
    #: Sentences below the table: ratios, goals, what was odd.
    notes: list[str] = field(default_factory=list)

    def table(self) -> str:
        lines = [self.columns] + self.rows
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]

        def text(line: list[str]) -> str:
            cells = [line[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]
            return "  " + "  ".join(cells)

        return "\n".join([self.title] + [text(line) for line in lines] + [f"  {note}" for note in self.notes])


def verdict(holds: bool) -> str:
    return "met" if holds else "MISSED"
