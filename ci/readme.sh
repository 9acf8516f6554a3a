#!/usr/bin/env bash
# The README's two commands, in the words that stand there, one after the other in one environment, which is made if
# it is not there: `ci/readme.sh ENVIRONMENT`. Git must see nothing of what they do, and the first must be gone once
# the second has installed over it. Fewer tests: PYTEST_ADDOPTS=tests/test_version.py ci/readme.sh ENVIRONMENT
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ -d "$1" ] || python3 -m venv "$1"
# shellcheck disable=SC1091
. "$1/bin/activate"
mapfile -t commands < <(sed -n 's/^    \(pip install .* && .*\)$/\1/p' README.md)
[ "${#commands[@]}" = 2 ] || { echo "README.md: two commands that install were expected, got ${#commands[@]}"; exit 1; }

# The folder is named so that git asks not whose it is: in a container it is often somebody else's.
seen() { git --git-dir .git --work-tree . status --porcelain; }
before=$(seen)
passed=0
for command in "${commands[@]}"; do
    echo "== $command"
    time bash -c "$command" || passed=$?
    [ "$passed" = 0 ] || break
    [ "$(seen)" = "$before" ] || { seen; echo "changed in the tree by: $command"; exit 1; }
done

site=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
[ "$passed" != 0 ] || [ ! -e "$site/prunebench" ] || { echo "left by the first installation: $site/prunebench"; exit 1; }
exit "$passed"
