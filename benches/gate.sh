#!/usr/bin/env bash
# Times the gate beside nginx with the same files, and `go mod download` through the gate beside none.
# Needs bash 5, go, nginx, wrk, curl and GNU time.
#
#   sumcheck gate export UPSTREAM --for PROJECT      once; it needs the network
#   benches/gate.sh UPSTREAM PROJECT [RUNS] [SECONDS]
#
# UPSTREAM is served by nginx on loopback, modules and checksum database, and is all that the gate has
# behind it. PROJECT is a folder with a go.mod and a go.sum. RUNS of each download are made (5), SECONDS
# of each load (5). Folders are made below TMPDIR: a file system in memory is best, since the client
# unpacks a gigabyte.
set -euo pipefail
export LC_ALL=C
upstream=$(realpath "$1")
project=$(realpath "$2")
runs=${3:-5}
seconds=${4:-5}
cd "$(dirname "$0")/.."
cargo build --quiet --release
sumcheck=${CARGO_TARGET_DIR:-$PWD/target}/release/sumcheck
work=$(mktemp -d)
cleanup() {
    kill $(jobs -p) 2>/dev/null || true
    wait
    rm -rf "$work"
}
trap cleanup EXIT

nginx_port=19100 gate_port=19200
cat >"$work/nginx.conf" <<EOF
user $(id -un);
worker_processes 2;
daemon off;
pid $work/nginx.pid;
error_log $work/error.log;
events { worker_connections 4096; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    open_file_cache max=10000;
    client_body_temp_path $work/t1;
    proxy_temp_path $work/t2;
    fastcgi_temp_path $work/t3;
    uwsgi_temp_path $work/t4;
    scgi_temp_path $work/t5;
    server { listen 127.0.0.1:$nginx_port backlog=4096; root $upstream; }
}
EOF
nginx -c "$work/nginx.conf" -p "$work" &
nginx_url=http://127.0.0.1:$nginx_port gate_url=http://127.0.0.1:$gate_port

# The settings of whoever runs this are none of the measurement.
clean_env=(env -i PATH="$PATH" HOME="$work/home" GOENV=off GOTOOLCHAIN=local GOFLAGS=-modcacherw
    GOMODCACHE="$work/modcache" GOPATH="$work/gopath")

wait_for() { until curl -s -o "$work/out" "$1"; do sleep 0.05; done; }
wait_for "$nginx_url/"

start_gate() {
    mkdir -p "$work/home"
    "${clean_env[@]}" GOPROXY=$nginx_url "$sumcheck" --home "$work/state" \
        gate --listen "127.0.0.1:$gate_port" 2>"$work/gate.log" &
    gate=$!
    wait_for "$gate_url/healthz"
}
stop_gate() { kill "$gate" && wait "$gate" || true; }
gate_cpu() { awk -v hz="$(getconf CLK_TCK)" '{print ($14 + $15) / hz}' "/proc/$gate/stat"; }
gate_peak() { awk '/VmHWM/ {printf "%.0f", $2 / 1024}' "/proc/$gate/status"; }

# Appends "wall cpu" of a download to a file.
download() { # file, GOPROXY, command before go
    local to=$1 proxy=$2
    shift 2
    rm -rf "$work/modcache" "$work/gopath"
    (cd "$project" && env time -o "$work/time" -f '%e %U %S' \
        "${clean_env[@]}" GOPROXY="$proxy" "$@" go mod download) >"$work/out" 2>&1 ||
        { cat "$work/out" >&2; exit 1; }
    awk '{print $1, $2 + $3}' "$work/time" >>"$to"
}
median() { # column, file
    awk "{print \$$1}" "$2" | sort -n | awk '{v[NR] = $1} END {print (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2}'
}

for ((run = 0; run < runs; run++)); do
    download "$work/none" "$nginx_url"
    rm -rf "$work/state"
    download "$work/wrapper" "$nginx_url" "$sumcheck" --home "$work/state" -q gate --
    rm -rf "$work/state"
    start_gate
    download "$work/cold" "$gate_url"
    gate_cpu >>"$work/cold.cpu"
    download "$work/warm" "$gate_url"
    stop_gate
done
none=$(median 1 "$work/none")
echo "go mod download, medians of $runs: wall, ratio to no proxy, processor time of client and wrapper"
for what in none wrapper cold warm; do
    wall=$(median 1 "$work/$what")
    printf '%-8s %6.2f s  %5.2f  %6.2f s\n' "$what" "$wall" \
        "$(awk "BEGIN {print $wall / $none}")" "$(median 2 "$work/$what")"
done
echo "processor time of the gate that listens, cold: $(median 1 "$work/cold.cpu") s"

start_gate
# The same files for both: a small zip and a large one, and the .mod, .info and list of some module.
cd "$upstream"
nearest() { # bytes
    find . -name '*.zip' -not -path './sumdb/*' -printf '%s %P\n' |
        awk -v want="$1" '{d = $1 - want; if (d < 0) d = -d; if (!n++ || d < best) {best = d; path = $2}} END {print path}'
}
small=$(nearest 870000) large=$(nearest 21000000)
mod=$(find . -name '*.mod' -size +1k -printf '%P\n' | sort | head -1)
for path in "$mod" "${mod%.mod}.info" "$(dirname "$mod")/list" "$small" "$large"; do
    echo "$path, $(stat -c %s "$path") bytes, wrk with 64 connections, two turns each:"
    for turn in 1 2; do
        for server in nginx gate; do
            url=$nginx_url
            [ $server = gate ] && url=$gate_url
            curl -s -o "$work/out" "$url/$path"
            wrk -t2 -c64 -d"${seconds}s" --timeout 30s "$url/$path" >"$work/wrk"
            grep -q Non-2xx "$work/wrk" && { cat "$work/wrk" >&2; exit 1; }
            printf '  %-6s %10.0f answers/s\n' $server "$(awk '/Requests.sec/ {print $2}' "$work/wrk")"
        done
    done
done
echo "peak memory of the gate: $(gate_peak) MiB"
stop_gate
