#!/bin/sh
# The demo: one SQLite database, used from C and from Python at once.
# `make demo` builds what it needs and runs it.
set -eu

top=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
O=${O:-build}
case $O in /*) ;; *) O=$top/$O ;; esac

FERRY_LIBRARY=${FERRY_LIBRARY:-$O/libferry.so}
PYTHONDONTWRITEBYTECODE=1
PYTHONUNBUFFERED=1
export FERRY_LIBRARY PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED

exec "${PYTHON:-python3}" "$top/samples/sqlite/demo.py" "$@"
