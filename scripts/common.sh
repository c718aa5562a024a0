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

# watch PID LOG START: on a terminal, show how long it takes and the log's last line.
watch() {
    while [ -t 1 ] && kill -0 "$1" 2>/dev/null; do
        sleep 0.5
        if ((SECONDS - $3 >= 2)); then
            printf '\r    %d s  %s\e[K' $((SECONDS - $3)) \
                "$(tail -n 1 "$2" | tr -cd '[:print:]' | cut -c 1-60)"
        fi
    done
    if [ -t 1 ]; then printf '\r\e[K'; fi
}

# step NAME WORDS COMMAND...: say what is done, keep its output in a log, show that if it fails.
step() {
    local log="$logs/$1.log" words="$2" start=$SECONDS pid
    shift 2
    say "$words"
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    trap 'kill "$pid" 2>/dev/null; exit 130' INT TERM
    watch "$pid" "$log" "$start"
    if ! wait "$pid"; then
        tail -n 40 "$log" >&2
        type -P "$1" >/dev/null && say "Once more by hand: $*" >&2
        die "$words: failed after $((SECONDS - start)) s; all of its output is in $log"
    fi
    trap - INT TERM
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

# What the build needs, as Debian packages.
build_tools="ca-certificates cmake ninja-build gcc libc6-dev pkg-config libev-dev libseccomp-dev
    libcyaml-dev libyaml-dev libjansson-dev libprotobuf-c-dev protobuf-c-compiler libusb-1.0-0-dev libudev-dev libcmocka-dev libssl-dev
    zlib1g-dev uthash-dev libarchive-dev libkmod-dev libsqlite3-dev libmicrohttpd-dev"

# need PACKAGE...: install the Debian packages that are not there yet. COMMAND/PACKAGE is a package
# that is needed only where nothing else brings the command.
need() {
    missing=()
    local wanted package
    for wanted in "$@"; do
        package=${wanted#*/}
        if [ "$package" != "$wanted" ] && command -v "${wanted%/*}" >/dev/null; then
            continue
        fi
        if [ "$(dpkg-query -Wf '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
            missing+=("$package")
        fi
    done
    if [ ${#missing[@]} -gt 0 ]; then
        command -v apt-get >/dev/null || die "these Debian packages are needed: ${missing[*]}"
        step packages "Installing packages: ${missing[*]}" install_missing
    fi
}

# build PRESET [TARGET]: configure where needed, and build.
build() {
    if [ ! -f "build/$1/build.ninja" ]; then
        step "configure-$1" "Configuring (preset $1)" cmake --preset "$1"
    fi
    step "build-$1" "Building (preset $1)" cmake --build --preset "$1" ${2:+--target "$2"}
}

# firmware: fetch real firmware, or say why not. Scenarios that need it then skip.
firmware() {
    say "Fetching real firmware (npm packages, kept in .cache/firmware)"
    if ! scripts/fetch-firmware >"$logs/firmware.log" 2>&1 </dev/null; then
        tail -n 3 "$logs/firmware.log" >&2
        say "Going on without it: scenarios that need it will be skipped"
    fi
}

# Packages that real tools need: what they are, what they compile, and what they look for.
tool_packages="dfu-util usbutils usbip lrzsz curl slowhttptest udev systemd xz/xz-utils openssl python3 python3-serial npm/npm g++ make
    libudev-dev"

# What the guest is made from, besides the kernel's package: 'vparticle guest prepare' downloads that.
guest_packages="qemu-system-x86_64/qemu-system-x86 busybox-static"

# begin NAME WORDS COMMAND..., end NAME LOST: do it while something else goes on, with its output in a log,
# and wait for it. What it would have brought may be missing: then say why, and what is LOST.
declare -A begun=()
begin() {
    local name="$1"
    say "$2"
    shift 2
    "$@" >"$logs/$name.log" 2>&1 </dev/null &
    begun[$name]=$!
    trap 'kill "${begun[@]}" 2>/dev/null || true' EXIT
}

end() {
    watch "${begun[$1]}" "$logs/$1.log" "$SECONDS"
    if ! wait "${begun[$1]}"; then
        tail -n 8 "$logs/$1.log" >&2
        say "$2"
    fi
    unset "begun[$1]"
}

# particle-cli, four generations.
tools_begin() {
    begin tools "Fetching particle-cli meanwhile, four generations (npm packages, kept in .cache/tools)" \
        scripts/fetch-tools
}

tools_end() { end tools "Going on without some of them: scenarios that need those will be skipped"; }

# guest_begin VPARTICLE: the guest with the real kernel.
guest_begin() {
    export XDG_CACHE_HOME=$PWD/.cache
    begin guest "Preparing a guest with Debian's kernel meanwhile (kept in .cache/vparticle/guest)" \
        "$1" guest prepare
}

guest_end() { end guest "Going on without it: tests that need the real kernel will be skipped"; }
