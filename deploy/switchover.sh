#!/bin/sh
# Makes the standby the primary, and nobody is refused: the poolers hold what comes meanwhile.
#   PROXIES="nginx1 nginx2" deploy/switchover.sh web1 web2 worker1 worker2
# on a database host, naming every host with a pooler; PROXIES names those with haproxy-web.cfg, which would send calls
# away after four seconds. Each host with a pooler knows the passwords of pooler_admin (its own pooler's) and
# thinkrr_app in its ~/.pgpass. ON says how a command is run there, PATRONI where Patroni's file is.
set -eu
: "${ON:=ssh}" "${PATRONI:=/etc/patroni/billing.yml}" "${PROXIES:=}"
[ $# -gt 0 ] || { echo "usage: $0 every host with a pooler" >&2; exit 2; }
export PGCONNECT_TIMEOUT=5

# By standard input: ssh would take quotes apart.
ask() {
    echo "$1" | $ON "$2" psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1 \
        --host 127.0.0.1 --port "$3" --username "$4" "$5"
}

tell_each() {
    wanted=$1; shift
    started=
    for host in "$@"; do
        ask "$wanted" "$host" 6432 pooler_admin pgbouncer >/dev/null &
        started="$started $!"
    done
    failed=0
    for one in $started; do wait "$one" || failed=1; done
    return $failed
}

# A pooler let go before its proxy has found the new primary would ask the old one.
wait_for_a_primary() {
    tries=0
    until ask "SELECT 'leads' WHERE NOT pg_is_in_recovery();" "$1" 5000 thinkrr_app thinkrr 2>/dev/null | grep -q leads
    do
        tries=$((tries + 1))
        [ $tries -lt 60 ] || { echo "$1 finds no primary" >&2; return 1; }
        sleep 0.2
    done
}

let_go() {
    tell_each "RESUME thinkrr;" "$@" || true
    # The usual patience, from the file.
    tell_each "RELOAD;" "$@"
}

trap 'let_go "$@"' EXIT
for host in $PROXIES; do $ON "$host" curl --fail --silent --show-error --max-time 5 http://127.0.0.1:8102/; done
# What came before that is answered.
[ -z "$PROXIES" ] || sleep 1
# Nobody's patience ends while it is held: query_wait_timeout is far shorter.
tell_each "SET query_wait_timeout = 30;" "$@"
tell_each "PAUSE thinkrr;" "$@"
patronictl --config-file "$PATRONI" switchover --force
for host in "$@"; do wait_for_a_primary "$host"; done
