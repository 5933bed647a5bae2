#!/bin/sh
# Debian or Ubuntu packages that picocell needs: installed when run as root, else named in one line.
set -u
missing=""
python3 -c "import ensurepip, venv" 2>/dev/null || missing="$missing python3-venv"
python3 -c "
import os, sys, sysconfig
sys.exit(not os.path.exists(os.path.join(sysconfig.get_paths()['include'], 'Python.h')))" || missing="$missing python3-dev"
command -v c++ >/dev/null 2>&1 || missing="$missing g++"
command -v tshark >/dev/null 2>&1 || missing="$missing tshark"
# SCTP where the kernel has none
python3 -c "import ctypes; ctypes.CDLL('libusrsctp.so.2')" 2>/dev/null || missing="$missing libusrsctp2"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing Debian packages:$missing"
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    apt-get update -qq >/dev/null && apt-get install -y -qq --no-install-recommends $missing >/dev/null && exit 0
    echo "could not install the Debian packages:$missing (going on without)"
else
    echo "missing Debian packages, install them with: sudo apt-get install$missing (going on without; tshark is for tests only)"
fi
exit 0
