# What .ci/run and .ci/nightly share. Both source it, in the project's folder.
set -euo pipefail
exec </dev/null

# Compiling for the next edit is of no use where there is none.
if [[ -n "${CI:-}" ]]; then export CARGO_INCREMENTAL=0; fi

times=()
failed=()
stack=

# Runs a command, and remembers how long it took: step NAME COMMAND...
step() {
    printf '\n==> %s: %s\n' "$1" "${*:2}"
    current=$1
    began=$SECONDS
    "${@:2}"
    times+=("$(printf '%6d s  %s' $((SECONDS - began)) "$1")")
    current=
}

# The same for a command that takes minutes, of which the others do not depend. Those go on where it
# fails or exceeds its time: bounded_step MINUTES NAME COMMAND...
bounded_step() {
    local result=0 verdict=
    printf '\n==> %s, for %d minutes at most: %s\n' "$2" "$1" "${*:3}"
    began=$SECONDS
    timeout --kill-after=10 "$1m" "${@:3}" || result=$?
    if [[ $result != 0 ]]; then
        verdict=" FAILED ($result)"
        if [[ $result == 124 || $result == 137 ]]; then verdict=" STOPPED after $1 minutes"; fi
        failed+=("$2")
    fi
    times+=("$(printf '%6d s  %s%s' $((SECONDS - began)) "$2" "$verdict")")
}

summarize() {
    local result=$?
    if [[ -n "$stack" ]]; then kill "$stack" 2>/dev/null || true; fi
    if [[ -n "${current:-}" ]]; then
        times+=("$(printf '%6d s  %s FAILED' $((SECONDS - began)) "$current")")
    fi
    printf '\n'
    printf '%s\n' "${times[@]}"
    printf '%6d s  in total\n' "$SECONDS"
    if [[ $result == 0 && ${#failed[@]} == 0 ]]; then
        printf '\nAll checks passed.\n'
    else
        exit $((result ? result : 1))
    fi
}
trap summarize EXIT

# Installs Python tools, with the hashes that the requirements name, into an environment of their own.
# It is kept while the requirements, this folder and Python stay the same.
install_tools() {
    local tools=$1 requirements=$2 python wanted
    python=$(command -v python3.11 || command -v python3)
    wanted="$("$python" -V) $PWD $(cksum <"$requirements")"
    if [[ "$(cat "$tools/installed" 2>/dev/null)" == "$wanted" ]]; then
        echo "$tools is up to date"
        return
    fi
    # Without pip of its own, the environment can be created where ensurepip is missing.
    "$python" -m venv --clear --without-pip "$tools"
    "$python" -m pip --python "$tools/bin/python" install --quiet --no-input \
        --disable-pip-version-check --root-user-action=ignore --no-compile \
        --no-deps --only-binary :all: --require-hashes --requirement "$requirements"
    echo "$wanted" >"$tools/installed"
}
