# Shared by the scripts in this folder: steps in one line each, packages, builds. Source it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
logs=.cache/logs
mkdir -p "$logs"

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' red=$'\e[31m' plain=$'\e[0m'
else
    bold='' red='' plain=''
fi

say() { printf '%s\n' "${bold}==>${plain} $*"; }

die() {
    printf '%s\n' "${red}error:${plain} $*" >&2
    exit 1
}

# step NAME WORDS COMMAND...: say what is done, keep its output in a log, show that if it fails.
step() {
    local log="$logs/$1.log" words="$2" start=$SECONDS
    shift 2
    say "$words"
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 40 "$log" >&2
        die "$words: failed after $((SECONDS - start)) s; all of its output is in $log; once more by hand: $*"
    fi
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "root is needed to install packages: run 'apt-get install ${missing[*]:-}' as root, then this again"
        return 1
    fi
}

install_missing() {
    as_root apt-get update -qq &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            "${missing[@]}"
}

# need PACKAGE...: install the Debian packages that are not there yet.
need() {
    missing=()
    local package
    for package in "$@"; do
        if [ "$(dpkg-query -Wf '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            missing+=("$package")
        fi
    done
    if [ ${#missing[@]} -gt 0 ]; then
        command -v apt-get >/dev/null || die "these Debian packages are needed: ${missing[*]}"
        step packages "Installing ${#missing[@]} packages: ${missing[*]}" install_missing
    fi
}

# need_command COMMAND PACKAGE: install a package only where no other one brings the command.
need_command() {
    command -v "$1" >/dev/null || need "$2"
}

need_build_tools() {
    need ca-certificates cmake ninja-build gcc libc6-dev pkg-config libev-dev libseccomp-dev \
        libcyaml-dev libjansson-dev libusb-1.0-0-dev libcmocka-dev libssl-dev zlib1g-dev
}

# build PRESET: configure where needed, and build.
build() {
    configure_and_build() {
        [ -f "build/$1/build.ninja" ] || cmake --preset "$1"
        cmake --build --preset "$1"
    }
    step "build-$1" "Building (preset $1)" configure_and_build "$1"
}

# firmware: fetch real firmware, or say why not. Scenarios that need it then skip.
firmware() {
    say "Fetching real firmware (npm packages, kept in .cache/firmware)"
    if ! scripts/fetch-firmware >"$logs/firmware.log" 2>&1 </dev/null; then
        tail -n 3 "$logs/firmware.log" >&2
        say "Going on without it: scenarios that need it will be skipped"
    fi
}
