# shellcheck shell=bash disable=SC2154,SC2034,SC2317
# The rows of the table that are about transfers, for Benchmarks/run, which sets work, base, gb, runs and rows.
#
# A sender with the policy `keep` serves over a socket, so that every turn finds the same elements; the receiver's storage
# is a new one each turn.

readonly large_count=4 large_bytes=$((256 << 20)) whole_bytes=$((1 << 30)) delayed_count=100 delayed_bytes=$((1 << 20))
readonly few=${BENCH_FEW:-5000} many=${BENCH_MANY:-50000} small_bytes=4096 group=512 round_trip_half=0.05

readonly large=$base/elements-$large_count-$large_bytes whole=$base/elements-1-$whole_bytes
readonly delayed=$base/elements-$delayed_count-$delayed_bytes
readonly small_few=$base/elements-$few-$small_bytes small_many=$base/elements-$many-$small_bytes

# Bytes: the elements, what is received or copied of the largest of them, and all that is of the small ones.
readonly transfer_room=$((large_count * large_bytes * 2 + whole_bytes * 2 + delayed_count * delayed_bytes * 2 +
    (few * (runs * 4 + 1) + many * (runs * 2 + 3)) * 12288))

make_transfer_data() {
    make_elements() { "$here/make-elements" "$3" "$1" "$2"; }
    made "$large" make_elements "$large_count" "$large_bytes"
    made "$whole" make_elements 1 "$whole_bytes"
    made "$delayed" make_elements "$delayed_count" "$delayed_bytes"
    made "$small_few" make_elements "$few" "$small_bytes"
    made "$small_many" make_elements "$many" "$small_bytes"
}

# What runs in the background, ended with the benchmark.
background=()
in_background() {
    "$@" >>"$work/background.log" 2>&1 &
    background+=($!)
}
end_background() {
    local process
    for process in "${background[@]}"; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    background=()
}
wait_for_socket() {
    local round
    for ((round = 0; round < 200; round++)); do
        [ ! -S "$1" ] || return 0
        sleep 0.05
    done
    cat "$work/background.log" >&2
    fail "nobody listens on $1"
}

# transfer_machine NAME STORAGE TRANSFER: a configuration without units.
transfer_machine() {
    rm -rf "${work:?}/$1" "$work/$1-state" "$work/$1-run"
    configuration "$1" "$2" none none
    printf 'transfer:\n%s\n' "$3" >>"$work/$1/config"
}

# serve STORAGE: the sender.
serve() {
    transfer_machine sender "$1" "  listeners:
    - { path: $work/sender.socket, agent: receiver, sender: { policy: keep } }"
    rm -f "$work/sender.socket"
    in_background "$gb" transfer serve --config-dir "$work/sender"
    server=${background[-1]}
    wait_for_socket "$work/sender.socket"
}

# What was received in the turn before. Many small files are only moved away until all is measured: ext4 goes around inodes
# that were deleted in the last minutes, one by one, and this would be paid for by the next turn.
old=0
clear_received() {
    local path
    for path in "$work/received" "$work/received.partial" "$work/plain"; do
        [ -e "$path" ] || continue
        if [ -n "$keep_old" ]; then mv -- "$path" "$work/old-$((old += 1))"; else rm -rf -- "$path"; fi
    done
}
keep_old=
prepare_pull() {
    clear_received
    transfer_machine receiver "$work/received" "  agent: receiver"
}
pull() { quietly "$gb" transfer pull --socket "$1" --config-dir "$work/receiver" "${@:2}"; }
# expect COUNT: as many elements have come.
expect() {
    local found
    found=$(find "$work/received" -name '*.info' | wc -l)
    [ "$found" -eq "$1" ] || fail "$found elements have come where $1 were sent"
}

over_socat() {
    rm -f "$work/socat.socket"
    in_background socat -b 65536 "UNIX-LISTEN:$work/socat.socket,fork" "UNIX-CONNECT:$1"
    wait_for_socket "$work/socat.socket"
}

gb_socat() { pull "$work/socat.socket"; }
plain_socat() {
    local socat sender
    "$here/over-socket" listen "$work/cat.socket" cat "$large"/bench/*.data &
    sender=$!
    wait_for_socket "$work/cat.socket"
    rm -f "$work/cat-socat.socket"
    socat -b 65536 "UNIX-LISTEN:$work/cat-socat.socket" "UNIX-CONNECT:$work/cat.socket" &
    socat=$!
    wait_for_socket "$work/cat-socat.socket"
    "$here/over-socket" connect "$work/cat-socat.socket" cat >"$work/plain"
    sync "$work/plain"
    wait "$socat" "$sender" || true
    rm -f "$work/cat.socket"
}
gb_direct() { pull "$work/sender.socket"; }
plain_direct() {
    local sender
    "$here/over-socket" listen "$work/cat.socket" cat "$large"/bench/*.data &
    sender=$!
    wait_for_socket "$work/cat.socket"
    "$here/over-socket" connect "$work/cat.socket" cat >"$work/plain"
    sync "$work/plain"
    wait "$sender"
    rm -f "$work/cat.socket"
}
plain_sum() { cat "$large"/bench/*.data | sha512sum >"$work/plain.sum"; }

gb_few() { pull "$work/sender.socket"; }
plain_few() { "$here/store-plainly" "$small_few/bench" "$work/plain" "$group"; }
gb_many() { pull "$work/sender.socket"; }
plain_many() { "$here/store-plainly" "$small_many/bench" "$work/plain" "$group"; }
gb_few_single() { pull "$work/sender.socket" --protocol 1; }
plain_few_single() { "$here/store-plainly" "$small_few/bench" "$work/plain" 1; }
gb_many_single() { pull "$work/sender.socket" --protocol 1; }

gb_delayed() { pull "$work/relay.socket"; }
gb_undelayed() { pull "$work/sender.socket"; }

prepare_resume() {
    prepare_pull
    # The relay cuts at 90 %; that this pull fails is what is wanted.
    if "$gb" transfer pull --socket "$work/relay.socket" --config-dir "$work/receiver" >"$work/output" 2>&1; then
        fail "the transfer was not cut"
    fi
}
gb_resume() { pull "$work/sender.socket"; }
gb_whole() { pull "$work/sender.socket"; }

# own_peak PROCESS: sets `own` to the peak of its memory in KiB.
own_peak() { own=$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$1/status"); }

measure_transfers() {
    make_transfer_data
    cat "$large"/bench/* "$whole"/bench/* "$delayed"/bench/* >/dev/null

    printf 'transfer of %s x %s MiB\n' "$large_count" $((large_bytes >> 20)) >&2
    serve "$large"
    over_socat "$work/sender.socket"
    by_turns "$runs" prepare_pull gb_socat plain_socat
    rows+=("$(row "transfer of $large_count × $((large_bytes >> 20)) MiB over socat, durable" "$ours" "$theirs" 1.3)")
    by_turns "$runs" prepare_pull gb_direct plain_direct
    local direct=$ours
    local plain=$theirs
    alone "$runs" prepare_nothing plain_sum
    # Whichever is slower: the bytes must be written, and they must be hashed.
    theirs=$(printf '%s\n' "$plain" "$ours" | sort -g | tail -n 1)
    rows+=("$(row "the same over a socket" "$direct" "$theirs" 1.15)")
    prepare_pull
    peak "gb transfer pull, large" "$gb" transfer pull --socket "$work/sender.socket" --config-dir "$work/receiver"
    local receiver_large=$own
    own_peak "$server"
    local sender_large=$own
    end_background

    printf 'transfer of %s and %s x %s bytes\n' "$few" "$many" "$small_bytes" >&2
    clear_received
    keep_old=1
    serve "$small_few"
    by_turns "$runs" prepare_pull gb_few plain_few
    rows+=("$(row "transfer of $few × 4 KiB, version 2, durable in groups" "$ours" "$theirs" 3)")
    local seconds_few=$ours
    by_turns "$runs" prepare_pull gb_few_single plain_few_single
    rows+=("$(row "the same in version 1, durable one by one" "$ours" "$theirs" 2)")
    local single_few=$ours
    end_background
    serve "$small_many"
    by_turns "$runs" prepare_pull gb_many plain_many
    rows+=("$(row "transfer of $many × 4 KiB, version 2, durable in groups" "$ours" "$theirs" 3)")
    rows+=("$(row "$many against $few elements, version 2" "$ours" "$seconds_few" 11)")
    prepare_pull
    peak "gb transfer pull, many" "$gb" transfer pull --socket "$work/sender.socket" --config-dir "$work/receiver"
    expect "$many"
    local receiver_many=$own
    own_peak "$server"
    local sender_many=$own
    alone 1 prepare_pull gb_many_single
    expect "$many"
    rows+=("$(row "$many against $few elements, version 1" "$ours" "$single_few" 11)")
    end_background

    clear_received
    keep_old=

    printf 'transfer with a round trip of 100 ms\n' >&2
    serve "$delayed"
    rm -f "$work/relay.socket"
    in_background "$here/relay" "$work/relay.socket" "$work/sender.socket" "$round_trip_half"
    wait_for_socket "$work/relay.socket"
    by_turns "$runs" prepare_pull gb_delayed gb_undelayed
    rows+=("$(delay_row "$delayed_count × 1 MiB, round trip of 100 ms against none" "$ours" "$theirs")")
    end_background

    printf 'resume of 1 GiB broken at 90 %%\n' >&2
    serve "$whole"
    alone "$runs" prepare_pull gb_whole
    local seconds_whole=$ours
    rm -f "$work/relay.socket"
    in_background "$here/relay" "$work/relay.socket" "$work/sender.socket" 0 $((whole_bytes * 9 / 10))
    wait_for_socket "$work/relay.socket"
    alone "$runs" prepare_resume gb_resume
    expect 1
    rows+=("$(row "resume of 1 GiB broken at 90 %, against all of it" "$ours" "$seconds_whole" 0.35)")
    end_background

    rows+=("$(memory_row "memory of gb: receiver, $large_count × $((large_bytes >> 20)) MiB" "$receiver_large" 48)")
    rows+=("$(memory_row "memory of gb: sender, $large_count × $((large_bytes >> 20)) MiB" "$sender_large" 48)")
    rows+=("$(memory_row "memory of gb: receiver, $many elements" "$receiver_many" 48)")
    rows+=("$(memory_row "memory of gb: sender, $many elements" "$sender_many" 48)")
}

# delay_row WHAT WITH WITHOUT: a line of the table whose goal is 1.3 times and a second.
delay_row() {
    local limit
    limit=$(awk -v without="$3" 'BEGIN { printf "%.2f", without * 1.3 + 1 }')
    printf '| %s | %s s | %s s | %s | ≤ 1.3 and 1 s | %s |\n' "$1" "$2" "$3" "$(ratio "$2" "$3")" "$(met "$2" "$limit")"
}
