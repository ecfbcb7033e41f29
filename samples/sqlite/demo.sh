#!/bin/sh
# The demo: one SQLite database, used from C++ and from Python at once.
# `make demo` builds what it needs and runs it.
set -eu

top=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
O=${O:-build}
case $O in /*) ;; *) O=$top/$O ;; esac

samples=$top/samples
FERRY_LIBRARY=${FERRY_LIBRARY:-$O/libferry.so}
FERRY_SQLITE_LIBRARY=$O/samples/sqlite/libferry_sqlite.so
FERRY_TIMER_LIBRARY=$O/samples/timer/libferry_timer.so
PYTHONPATH=$samples/sqlite/generated/python:$samples/timer/generated/python
PYTHONPATH=$PYTHONPATH:$top/ffi/codegen/python/runtime
PYTHONDONTWRITEBYTECODE=1
PYTHONUNBUFFERED=1
export FERRY_LIBRARY FERRY_SQLITE_LIBRARY FERRY_TIMER_LIBRARY PYTHONPATH \
	PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED

exec "${PYTHON:-python3}" "$top/samples/sqlite/demo.py" "$@"
