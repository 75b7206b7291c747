#!/bin/sh
# Start of every container: makes the folders below the mounted volume, copies the kernels that the build compiled (numba
# reads them only from a folder it may write to), then runs the command. exec: signals reach it.
set -eu
mkdir -p "$PREFECT_HOME" "$AUTOMEND_DATA_DIR" "$NUMBA_CACHE_DIR"
cp -Rn /opt/kernels/. "$NUMBA_CACHE_DIR/"
exec "$@"
