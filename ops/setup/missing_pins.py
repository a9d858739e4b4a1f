"""Prints each pin of the given requirement files that this Python environment lacks, and last how many pins apply.

Pins whose marker doesn't hold here (another system, another Python) don't count.
"""

import importlib.metadata
import re
import sys

from pip._vendor.packaging.requirements import Requirement


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            text = line.split("#")[0].strip().rstrip("\\").strip()
            if text and not text.startswith("-"):
                requirement = Requirement(text)
                if requirement.marker is None or requirement.marker.evaluate():
                    yield requirement


installed = {canonical(d.metadata["Name"]): d.version for d in importlib.metadata.distributions()}
wanted = [pin for path in sys.argv[1:] for pin in pins(path)]
for pin in wanted:
    version = installed.get(canonical(pin.name))
    if version is None or not pin.specifier.contains(version, prereleases=True):
        print(f"{pin.name}{pin.specifier} (found {version or 'none'})")
print(len(wanted))
