#!/bin/sh
# Installs the peers of the interop tests into .peers, in exactly the versions named beside this
# script. Quick when they are there already.
#
# Exit status: 0 installed, 1 failed, 3 a tool or a registry cannot be had here ("SKIPPED: …").
set -eu
cd "$(dirname "$0")"
python=${PYTHON:-python3}

skip() {
    echo "SKIPPED: $1"
    exit 3
}

node -e 'process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)' 2>/dev/null || skip "node 20 or newer"
npm --version >/dev/null 2>&1 || skip "npm"
"$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    skip "python 3.11 or newer with venv (set PYTHON to one)"

wanted=$({
    cat package.json package-lock.json inspector/package.json inspector/package-lock.json requirements.txt
    node --version
    "$python" --version
    pwd -P # a venv cannot be moved
} | cksum)
[ "$(cat .peers/installed 2>/dev/null || true)" = "$wanted" ] && exit 0

# Whether anything answers at a URL, proxies of the environment included. The certificate does not
# matter here: this only tells "no network" from an installation that failed for a better reason.
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
    cat .peers/log
    echo "cannot install $1"
    exit 1
}

rm -rf .peers
mkdir -p .peers/inspector
cp package.json package-lock.json .peers/
# Apart from the others, and with a Node of its own: it needs other versions of both.
cp inspector/package.json inspector/package-lock.json .peers/inspector/
for folder in .peers .peers/inspector; do
    # The lock file names no registry, so the one npm is configured with is used.
    (cd $folder && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1) >.peers/log 2>&1 ||
        failed "the npm peers" "$(npm config get registry 2>/dev/null)"
done
"$python" -m venv .peers/venv >.peers/log 2>&1 || { cat .peers/log; exit 1; }
.peers/venv/bin/pip install --disable-pip-version-check --retries 1 -r requirements.txt >.peers/log 2>&1 ||
    failed "the Python peers" "${PIP_INDEX_URL:-$(.peers/venv/bin/pip config get global.index-url 2>/dev/null || echo https://pypi.org/simple/)}"
echo "$wanted" >.peers/installed
