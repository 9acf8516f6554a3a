"""Shapes in the annotations are checked while the tests run."""

from jaxtyping import install_import_hook

_hook = install_import_hook(["prunebench", "prunebench_plugins"], "beartype.beartype")
