# shellcheck shell=bash disable=SC2034
# Measuring by turns, for Benchmarks/run.

fail() {
    printf 'bench: %s\n' "$*" >&2
    exit 1
}

# timed COMMAND...: runs it and sets `seconds`.
timed() {
    local from=$EPOCHREALTIME
    "$@"
    seconds=$(awk -v from="$from" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.3f", to - from }')
}

# median NUMBER...
median() {
    printf '%s\n' "$@" | sort -g |
        awk '{ value[NR] = $1 } END { printf "%.2f", NR % 2 ? value[(NR + 1) / 2] : (value[NR / 2] + value[NR / 2 + 1]) / 2 }'
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }
mebibytes() { awk -v kib="$1" 'BEGIN { printf "%.1f", kib / 1024 }'; }
met() { awk -v value="$1" -v goal="$2" 'BEGIN { print (value <= goal ? "yes" : "**no**") }'; }

# by_turns TURNS PREPARE OURS THEIRS: runs PREPARE, then OURS, then PREPARE, then THEIRS, and so on; each turn the other one
# comes first. Sets `ours` and `theirs` to the medians of the seconds.
by_turns() {
    local turns=$1 prepare=$2 turn which
    local -a our_times=() their_times=()
    for ((turn = 1; turn <= turns; turn++)); do
        local order=("$3" "$4")
        ((turn % 2)) || order=("$4" "$3")
        for which in "${order[@]}"; do
            "$prepare"
            # Pages of an earlier turn that are still to be written must not be paid for by this one.
            sync
            timed "$which"
            printf '  %-22s %8s s\n' "$which" "$seconds" >&2
            if [ "$which" = "$3" ]; then our_times+=("$seconds"); else their_times+=("$seconds"); fi
        done
    done
    ours=$(median "${our_times[@]}")
    theirs=$(median "${their_times[@]}")
}

# alone TURNS PREPARE OURS: as by_turns, for what is compared with something that was measured before. Sets `ours`.
alone() {
    local turns=$1 turn
    local -a our_times=()
    for ((turn = 1; turn <= turns; turn++)); do
        "$2"
        sync
        timed "$3"
        printf '  %-22s %8s s\n' "$3" "$seconds" >&2
        our_times+=("$seconds")
    done
    ours=$(median "${our_times[@]}")
}

# row WHAT OURS THEIRS GOAL: a line of the table, from seconds.
row() {
    local factor
    factor=$(ratio "$2" "$3")
    printf '| %s | %s s | %s s | %s | ≤ %s | %s |\n' "$1" "$2" "$3" "$factor" "$4" "$(met "$factor" "$4")"
}

# memory_row WHAT KIB GOAL: a line of the table, for memory; the goal in MiB.
memory_row() {
    local size
    size=$(mebibytes "$2")
    printf '| %s | %s MiB | | | ≤ %s MiB | %s |\n' "$1" "$size" "$3" "$(met "$size" "$3")"
}
