# shellcheck shell=bash
# Which compiler builds for microcontrollers here. To be sourced, by a script that defines `say TEXT…`,
# and `fail TEXT…`, which does not return.
#
# It takes the targets from rustup where rustup has them. Where it has not, it builds the standard
# library from Debian's source packages, which it installs when it is root.

# Whether a file or a command is there.
is_there() { [[ -e $1 ]] || { [[ $1 != */* ]] && command -v "$1" >/dev/null; }; }

# Installs Debian packages that are missing: install_missing FILE_OR_COMMAND=PACKAGE…, the file or command tells
# whether it is there.
install_missing() {
    local pair log missing=() other=()
    for pair in "$@"; do
        is_there "${pair%%=*}" || missing+=("${pair#*=}")
    done
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null || fail "needs ${missing[*]}, and there is no apt-get to install them"
    [[ $(id -u) == 0 ]] || fail "needs ${missing[*]}; as root: apt-get install ${missing[*]}"
    say "installing ${missing[*]}"
    # A qemu-utils that is newer than Debian 12's stands in the way of its emulator.
    [[ " ${missing[*]} " != *' qemu-system-arm '* ]] || other=(--allow-downgrades qemu-utils/bookworm)
    log=$({
        export DEBIAN_FRONTEND=noninteractive
        apt-get -q update && {
            apt-get -qy --no-install-recommends install "${missing[@]}" || {
                ((${#other[@]})) && apt-get -qy --no-install-recommends install "${missing[@]}" "${other[@]}"
            }
        }
    } 2>&1 </dev/null) || {
        tail -n 20 <<<"$log" >&2
        fail "apt-get could not install ${missing[*]}"
    }
    for pair in "$@"; do
        is_there "${pair%%=*}" || fail "${pair#*=} is installed, but ${pair%%=*} is not there"
    done
}

# Chooses a toolchain that builds for all of these: choose_toolchain TARGET…. Says which it is, and sets
#   cargo            the command
#   build_std        what to tell it beside, so that there is a standard library
#   build_std_alloc  the same with `alloc` at hand
choose_toolchain() {
    local target installed lld variable have_all=yes
    installed=$(rustup target list --installed 2>/dev/null || true)
    for target in "$@"; do
        grep -qx "$target" <<<"$installed" || have_all=no
    done
    if [[ $have_all == yes ]]; then
        cargo=(cargo)
        build_std=() build_std_alloc=()
        say "toolchain: rustup's targets, $(rustc --version)"
        return
    fi
    install_missing \
        /usr/bin/rustc=rustc-web \
        /usr/bin/cargo=cargo-web \
        /usr/lib/rustlib/src/rust/library/core/Cargo.toml=rust-web-src
    lld=$(rustc --print sysroot 2>/dev/null || true)/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld
    if [[ ! -x $lld ]]; then
        install_missing /usr/bin/ld.lld=lld
        lld=/usr/bin/ld.lld
    fi
    cargo=(env RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1)
    for target in "$@"; do
        variable=${target//[-.]/_}
        cargo+=("CARGO_TARGET_${variable^^}_LINKER=$lld")
    done
    cargo+=(/usr/bin/cargo)
    build_std=("-Zbuild-std=core")
    # shellcheck disable=SC2034 # for the script that sources this
    build_std_alloc=("-Zbuild-std=core,alloc")
    say "toolchain: Debian's, the standard library built from source, $(/usr/bin/rustc --version)," \
        "linker ${lld##*/}"
}
