#!/bin/sh
# Drives real servers with real clients, directly and through a proxy, and compares what the clients saw.
#
#     run.sh PROXY [SESSION…]      PROXY is the forward_stdio binary; the sessions are in client.py
#
# The peers must be installed (install.sh). A session runs six times at once: two clients, each
# directly and through both stacks of the proxy.
set -u
[ $# -ge 1 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2; }
proxy=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
[ -x "$proxy" ] || { echo "no proxy at $proxy"; exit 2; }
shift
cd "$(dirname "$0")" || exit 2
[ $# -ge 1 ] || set -- everything modern time-auto time-legacy

python=$PWD/.peers/venv/bin/python
everything=$PWD/.peers/node_modules/@modelcontextprotocol/server-everything/dist/index.js
seen=$(mktemp -d)
passed=0
failed=0

# drive CLIENT SESSION STACK
drive() {
    client=$1 session=$2 stack=$3 out=$seen/$1-$2-$3
    case $session in
    # What `npx -y @modelcontextprotocol/server-everything stdio` runs once it has installed it.
    # The server ignores the last argument: it is there for `left_running` to find.
    everything) set -- node "$everything" stdio "interop-$$-$client-$stack" ;;
    modern) set -- node server.mjs ;;
    time-*) set -- "$python" -m mcp_server_time --local-timezone UTC ;;
    esac
    [ "$stack" = direct ] || set -- "$proxy" --stack "$stack" -- "$@"
    case $client in
    python) set -- "$python" client.py "$session" -- "$@" ;;
    typescript) set -- node client.mjs "$session" -- "$@" ;;
    esac
    # No time limit: a client gives up by itself.
    "$@" >"$out" 2>"$out.log"
    echo $? >"$out.status"
}

# One member a line, so that a difference can be read.
spread() {
    "$python" -m json.tool --json-lines --no-ensure-ascii "$1" >"$1.spread"
}

# verdict NAME FILE [DIRECT]: whether a session ended well and looks the same as the direct one.
verdict() {
    if [ "$(cat "$2.status")" != 0 ]; then
        echo "interop $1: failed after $(wc -l <"$2") steps"
        grep -A 20 '^FAILED' "$2.log" || tail -n 20 "$2.log"
        failed=$((failed + 1))
    elif [ $# -gt 2 ] && ! cmp -s "$3" "$2"; then
        echo "interop $1: differs ('-' is direct, '+' is through the proxy)"
        spread "$3"
        spread "$2"
        diff -U 8 "$3.spread" "$2.spread" | tail -n +3 | head -n 100
        failed=$((failed + 1))
    elif [ $# -gt 2 ]; then
        echo "interop $1: $(($(wc -l <"$2"))) steps, same"
        passed=$((passed + 1))
    fi
}

# Servers of this run that outlived their client. server-everything does not end with its input
# once it has made a task, so a proxy that only forwards the end of input leaves it behind.
left_running() {
    ps -A -o pid=,args= | awk -v run=$$ 'index($0, "interop-" run "-") { print $1, $NF }'
}

no_server_left() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        left=$(left_running)
        [ -n "$left" ] || return 0
        sleep 0.5
    done
    echo "$left" | while read -r pid name; do
        echo "${name#"interop-$$-"}: left its server running"
        kill "$pid"
    done
    failed=$((failed + 1))
}

# The TypeScript SDK gives a server two seconds to end, which six pairs at once may need on a small machine: those that
# took longer are driven again, one by one.
again_alone() { # SESSION
    for client in python typescript; do
        for stack in direct none standard; do
            if grep -q 'the server did not end when its input did' "$seen/$client-$1-$stack.log"; then
                echo "interop $client $1 $stack: slow to end among six, again alone"
                drive $client "$1" $stack
            fi
        done
    done
}

for session; do
    case $session in everything | modern | time-auto | time-legacy) ;; *) echo "no session $session"; exit 2 ;; esac
    for client in python typescript; do
        for stack in direct none standard; do
            drive $client "$session" $stack &
        done
    done
    wait
    again_alone "$session"
    no_server_left
    for client in python typescript; do
        direct=$seen/$client-$session-direct
        verdict "$client $session direct" "$direct"
        for stack in none standard; do
            verdict "$client $session $stack" "$seen/$client-$session-$stack" "$direct"
        done
    done
done

[ $failed = 0 ] && rm -r "$seen" || echo "the transcripts are in $seen"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
