# SPDX-License-Identifier: MIT
# Sourced by ./demo and ./test: gets what the build needs, from Debian's packages and PyPI, and says
# so.  Meson lives in .venv, as Debian's own may be too old to matter and is not needed then.

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "Not root and no sudo. As root, please run: $*"
        return 1
    fi
}

# debian_packages PACKAGE...: installs those that are missing.
debian_packages() {
    command -v dpkg-query >/dev/null || {
        say "Not a Debian system: the equivalents of these packages must be there: $*"
        return 0
    }
    missing=
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    say "Installing Debian packages:$missing"
    as_root apt-get update -qq
    # shellcheck disable=SC2086 # a list of words
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends $missing >/dev/null
}

# python_packages PACKAGE[==VERSION]...: into .venv, which is made if need be.
python_packages() { python_packages_in .venv "$@"; }

# python_packages_in FOLDER PACKAGE[==VERSION]...: into another environment.
python_packages_in() {
    environment=$1
    shift
    [ -x "$environment/bin/python" ] || {
        say "Making a local Python environment in $environment"
        python3 -m venv "$environment"
    }
    "$environment/bin/python" - "$@" <<'EOF' && return 0
import importlib.metadata, sys
installed = {d.metadata["Name"].lower(): d.version for d in importlib.metadata.distributions()}
wanted = (package.partition("==") for package in sys.argv[1:])
sys.exit(any(installed.get(name) not in ([version] if version else installed.values())
             for name, _, version in wanted))
EOF
    say "Installing into $environment from PyPI: $*"
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}

# python_package_alone NAME==VERSION: into .venv, without what it depends on.
python_package_alone() {
    .venv/bin/python -c 'import importlib.metadata, sys
importlib.metadata.version(sys.argv[1])' "${1%%==*}" 2>/dev/null && return 0
    say "Installing into .venv from PyPI: $1"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps "$1"
}

# configure DIR [--cross-file FILE] OPTION...: a fresh or existing Meson build folder.
configure() {
    dir=$1
    shift
    PATH="$PWD/.venv/bin:$PATH"
    if [ -f "$dir/build.ninja" ]; then
        case ${1-} in --cross-file) shift 2 ;; esac
        meson configure "$dir" "$@" >/dev/null
    else
        meson setup "$dir" "$@" >"$dir.log" 2>&1 || { cat "$dir.log" >&2; return 1; }
    fi
}
