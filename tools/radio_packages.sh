#!/bin/sh
# SoapySDR and UHD, linked into .venv, and the pair of radios in memory (build/soapy): radio_packages.sh [VENV [soapy]].
# With `soapy` only what its tests need, and quietly.
set -u
VENV="${1:-.venv}"
ONLY="${2:-}"
PACKAGES="python3-soapysdr libsoapysdr-dev"
[ -n "$ONLY" ] || PACKAGES="$PACKAGES soapysdr-tools python3-uhd"
say() { [ -n "$ONLY" ] || echo "$1"; }
have() { dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q "ok installed"; }
missing=""
for package in $PACKAGES; do have "$package" || missing="$missing $package"; done
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing Debian packages:$missing"
        export DEBIAN_FRONTEND=noninteractive
        # shellcheck disable=SC2086
        { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing; } >/dev/null 2>&1 ||
            echo "could not install the Debian packages:$missing (going on without)"
    else
        say "missing Debian packages, install them with: sudo apt-get install$missing (going on without)"
    fi
fi
SITE=$("$VENV/bin/python" -c "import sysconfig; print(sysconfig.get_paths()['purelib'])")
TAG=$("$VENV/bin/python" -c "import sysconfig; print(sysconfig.get_config_var('SOABI'))")
FROM=/usr/lib/python3/dist-packages
link() { # module, what was built for one Python, files
    module=$1 built=$2
    shift 2
    if [ ! -e "$built" ]; then
        say "$module: Debian's module is not there, or not built for this Python ($TAG); going on without"
        return
    fi
    for file in "$@"; do ln -sfn "$FROM/$file" "$SITE/$file"; done
    if errors=$("$VENV/bin/python" -c "import $module" 2>&1) && [ -z "$errors" ]; then
        say "$module: linked into $VENV"
        return
    fi
    case $errors in
        *_ARRAY_API*) # the driver refuses it in a line, and names the way around
            say "$module: linked into $VENV, but built for NumPy 1: the NumPy here needs it built anew"
            ;;
        *)
            for file in "$@"; do rm -f "$SITE/$file"; done
            say "$module: cannot be imported: $(echo "$errors" | tail -n 1); going on without"
            ;;
    esac
}
link SoapySDR "$FROM/_SoapySDR.$TAG.so" SoapySDR.py "_SoapySDR.$TAG.so"
[ -n "$ONLY" ] || link uhd "$FROM/uhd/libpyuhd.$TAG.so" uhd
if command -v c++ >/dev/null 2>&1 && [ -e /usr/include/SoapySDR/Device.hpp ]; then
    mkdir -p build/soapy
    if [ ! -e build/soapy/libpicopair.so ] || [ radio/sdr/pair/soapy_pair.cpp -nt build/soapy/libpicopair.so ]; then
        c++ -O2 -std=c++17 -shared -fPIC -o build/soapy/libpicopair.so radio/sdr/pair/soapy_pair.cpp -lSoapySDR ||
            echo "the pair of radios in memory cannot be built; going on without"
    fi
    say "a pair of radios in memory: SOAPY_SDR_PLUGIN_PATH=$PWD/build/soapy"
fi
exit 0
