"""A build starts from nothing: what an earlier one left in `build`, setuptools would pack in again.

Everything else is said in pyproject.toml.
"""

import shutil
from pathlib import Path

from setuptools import setup

shutil.rmtree(Path(__file__).resolve().parent / "build", ignore_errors=True)
setup()
